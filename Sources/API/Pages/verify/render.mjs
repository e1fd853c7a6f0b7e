// Makes the page's result from a report. Text only ever becomes text: nothing of a document is read as HTML.

import { canonicalJSON } from "./canonical.mjs";
import { CHECK_WORDS, LEVEL_WORDS, RESULT_WORDS, STEP_WORDS, factText, meaning, verdictWords } from "./explain.mjs";
import { arrayOf, objectOf, stringOf } from "./members.mjs";
import { CHECKS, STEPS } from "./proof.mjs";

const MARKS = { good: "✓", partial: "!", bad: "✗" };

/** A new element with attributes and children; strings become text. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** The members of the report that `nrx-replay verify --json` has too. */
export function reportJSON(report) {
  const { result, level_asked, level_reached, levels, checks, layers_missing, session_id, key_id } = report;
  const members = { result, level_asked, level_reached, levels, checks, layers_missing, session_id, key_id };
  return JSON.stringify({ ...members, destroyed_at: report.destroyed_at }, null, 2);
}

/** Everything there is to say about `report`, of the file called `name`. */
export function resultOf(report, name) {
  const parts = [verdictPart(report, name), layersPart(report), reasonsPart(report), levelsPart(report)];
  if (report.level_reached !== null) parts.push(meaningPart(report.level_reached));
  if (report.document !== undefined) parts.push(stepsPart(report), checksPart(report), contextPart(report.document));
  parts.push(
    element(
      "details",
      {},
      element("summary", {}, "The verdict as JSON"),
      element("pre", { id: "report", tabindex: "0" }, reportJSON(report)),
    ),
  );
  return parts.filter((part) => part !== null);
}

function verdictPart(report, name) {
  const { mark, title, sentence } = verdictWords(report);
  const session = report.session_id === undefined ? [] : [element("p", { class: "session" }, report.session_id)];
  return element(
    "section",
    { class: `verdict ${mark}` },
    element("span", { class: "mark", "aria-hidden": "true" }, MARKS[mark]),
    element("div", {}, element("h2", { id: "verdict", tabindex: "-1" }, title), element("p", {}, sentence), ...session),
    element("p", { class: "file" }, `File: ${name}`),
  );
}

function layersPart({ layers_missing: layers }) {
  if (layers.length === 0) return null;
  const text = `The session ran without isolation layers: ${layers.join(", ")}.`;
  return element("p", { class: "warning" }, element("strong", {}, "Warning. "), text);
}

function reasonsPart({ levels, checks, failures }) {
  const reasons = Object.entries(levels).flatMap(([level, { result, explanation }]) => {
    if (result !== "failed") return [];
    // Which check it was stands with the checks.
    return level === "integrity" ? messagesOf(failures) : explanation;
  });
  if (reasons.length === 0 || checks === null) return null;
  const items = reasons.map((reason) => element("li", {}, asSentence(reason)));
  return section("What is wrong", element("ul", { class: "reasons" }, ...items));
}

function messagesOf(failures) {
  return failures.map(({ message }) => message);
}

function section(title, ...children) {
  return element("section", {}, element("h2", {}, title), ...children);
}

function levelsPart({ levels, failures }) {
  const items = Object.entries(LEVEL_WORDS).map(([name, { title, about, hint }]) => {
    const { result, explanation } = levels[name] ?? { result: "not_asked", explanation: [hint ?? ""] };
    const reasons = name === "integrity" && failures.length > 0 ? messagesOf(failures) : explanation;
    const sentences = reasons.map((text) => element("p", {}, asSentence(text)));
    const heading = element("h3", {}, title, " ", badge(result, RESULT_WORDS[result]));
    return element("li", { class: `level ${result}` }, heading, element("p", { class: "about" }, about), ...sentences);
  });
  return section("Level reached", element("ol", { class: "levels" }, ...items));
}

function asSentence(text) {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`.replace(/[.]{2}$/, ".");
}

function badge(kind, text) {
  return element("span", { class: `badge ${kind}` }, text);
}

function meaningPart(level) {
  const { does, doesNot } = meaning(level);
  const list = (texts) => element("ul", {}, ...texts.map((text) => element("li", {}, text)));
  return element(
    "section",
    { class: "meaning" },
    element("div", {}, element("h2", {}, "What this means"), list(does)),
    element("div", {}, element("h2", {}, "What this does not show"), list(doesNot)),
  );
}

function stepsPart(report) {
  const evidence = arrayOf(report.document.get("evidence")) ?? [];
  const items = STEPS.map((names, index) => {
    const document = objectOf(objectOf(evidence[index])?.get("document"));
    return stepItem(names, STEP_WORDS[index], document, failuresOf(report, index + 1));
  });
  return section("What was measured, in eight steps", element("ol", { class: "steps" }, ...items));
}

function failuresOf({ failures }, step) {
  return failures.filter((failure) => failure.step === step).map(({ message }) => message);
}

function stepItem({ subsystem, operation }, { title, facts }, document, failures) {
  const state = failures.length > 0 ? badge("failed", "Failed") : badge("reached", "Holds");
  const shown = document === null ? [] : facts.map(([path, label]) => [label, factText(document, path)]);
  const rows = shown.flatMap(([label, text]) => [element("dt", {}, label), element("dd", {}, text ?? "not said")]);
  const raw =
    document === null
      ? element("p", {}, "There is no evidence document.")
      : element(
          "details",
          {},
          element("summary", {}, `Evidence of step ${operation}`),
          element("pre", { tabindex: "0" }, canonicalJSON(document)),
        );
  return element(
    "li",
    {},
    element("h3", {}, title, " ", state),
    element("p", { class: "about" }, element("code", {}, `${subsystem} / ${operation}`)),
    ...failures.map((message) => element("p", { class: "reason" }, message)),
    element("dl", {}, ...rows),
    raw,
  );
}

function checksPart({ checks, failures }) {
  const items = CHECKS.map((check) => {
    const state = checks[check] ? badge("reached", "Holds") : badge("failed", "Failed");
    const messages = failures.filter((failure) => failure.check === check);
    const reasons = messages.map(({ message }) => element("p", { class: "reason" }, message));
    return element("li", {}, element("p", {}, CHECK_WORDS[check], " ", state), ...reasons);
  });
  return section("The checks", element("ul", { class: "checks" }, ...items));
}

function contextPart(document) {
  const context = objectOf(document.get("regulatory_context"));
  const mappings = arrayOf(context?.get("mappings")) ?? [];
  const rows = mappings.flatMap((mapping) =>
    (arrayOf(objectOf(mapping)?.get("frameworks")) ?? []).map((framework) => {
      const said = ["regulation", "provision", "description"].map((name) => stringOf(objectOf(framework)?.get(name)));
      return element("li", {}, `Step ${objectOf(mapping).get("step")}: ${said.filter(Boolean).join(", ")}`);
    }),
  );
  if (rows.length === 0) return null;
  const notice = stringOf(context.get("notice")) ?? "";
  return section("Provisions that the steps are related to", element("p", {}, notice), element("ul", {}, ...rows));
}
