// The page: takes files and the log's key, examines them, shows the result. Sends nothing anywhere.

import { textOfUTF8 } from "./bytes.mjs";
import { missingCryptography } from "./ed25519.mjs";
import { readVerifierKey } from "./notes.mjs";
import { element, resultOf } from "./render.mjs";
import { examine } from "./verdict.mjs";

const part = (id) => document.getElementById(id);
const given = { proof: null, name: "", inclusionProof: null };
// Answers that come late must not replace those to a newer question.
let question = 0;
let keyIsAsserted = false;

/** What a dropped file is, by how it begins. */
async function takeFile(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const text = textOfUTF8(bytes);
  if (text?.startsWith("c2sp.org/tlog-proof@")) {
    given.inclusionProof = text;
  } else if (text !== null && text.length < 1024 && (await readVerifierKey(text.trim())) !== null) {
    setKey(text.trim(), false);
  } else {
    given.proof = bytes;
    given.name = file.name;
  }
}

async function takeFiles(files) {
  const missing = await missingCryptography();
  if (missing !== null) {
    showProblem(missing);
    return;
  }
  // A new proof does not go with the .tlog-proof of the one before.
  given.inclusionProof = null;
  for (const file of files) await takeFile(file);
  await answer(true);
}

function setKey(text, asserted) {
  part("key").value = text;
  keyIsAsserted = asserted;
}

async function answer(movesFocus) {
  question += 1;
  const asked = question;
  const result = part("result");
  const keyText = part("key").value.trim();
  const key = keyText === "" ? null : await readVerifierKey(keyText);
  showKeyProblem(keyText !== "" && key === null);
  const { proof, name, inclusionProof } = given;
  if (proof === null) {
    if (inclusionProof !== null) showProblem("That is an inclusion proof. Drop the proof itself too.");
    return;
  }
  result.setAttribute("aria-busy", "true");
  const acceptsMissingLayers = part("missing-layers").checked;
  const report = await examine(proof, { inclusionProof, key, keyIsAsserted, acceptsMissingLayers });
  if (asked !== question) return;
  result.replaceChildren(...resultOf(report, name));
  result.setAttribute("aria-busy", "false");
  part("announcement").textContent = part("verdict").textContent;
  part("print").hidden = false;
  if (movesFocus) part("verdict").focus();
}

function showProblem(text) {
  part("result").replaceChildren(element("p", { class: "warning" }, text));
  part("announcement").textContent = text;
}

function showKeyProblem(isWrong) {
  part("key").setAttribute("aria-invalid", String(isWrong));
  part("key-problem").textContent = isWrong
    ? "This is no verifier key. It looks like name+1a2b3c4d+AbCd…, on one line, exactly as you got it."
    : "";
}

function startDropping() {
  const zone = part("drop");
  const mark = (isOver) => (event) => {
    event.preventDefault();
    zone.classList.toggle("over", isOver);
  };
  document.addEventListener("dragover", mark(true));
  document.addEventListener("dragleave", mark(false));
  document.addEventListener("drop", (event) => {
    mark(false)(event);
    if (event.dataTransfer.files.length > 0) takeFiles(event.dataTransfer.files);
  });
}

function startPage() {
  // A copy saved to disk may hold the result of an earlier look.
  part("result").replaceChildren();
  startDropping();
  // The same file can be chosen again once it was changed.
  part("files").addEventListener("click", ({ target }) => (target.value = ""));
  part("files").addEventListener("change", ({ target }) => takeFiles(target.files));
  part("missing-layers").addEventListener("change", () => answer(false));
  part("key").addEventListener("input", () => {
    keyIsAsserted = false;
    answer(false);
  });
  const serverKey = document.querySelector("meta[name=nrx-log-key]")?.content ?? "";
  part("server-key").hidden = serverKey === "";
  part("server-key").addEventListener("click", () => {
    setKey(serverKey, true);
    answer(false);
  });
  part("print").addEventListener("click", () => window.print());
  window.addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("#result details")) details.open = true;
  });
  missingCryptography().then((missing) => missing !== null && showProblem(missing));
}

startPage();
