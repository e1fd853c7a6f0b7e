// node looks.mjs PAGE DIRECTORY KEY: looks at the page as people do, with DIRECTORY/proof.json and tampered.json, and
// prints {"problems": […], "contrasts": texts looked at, "pictures": [files]}.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { BrowserPage } from "./chromium.mjs";
import { lowContrasts } from "./contrast.mjs";

const [pagePath, directory, key] = process.argv.slice(2);
const problems = [];
const pictures = [];
let contrasts = 0;
const require = (holds, problem) => holds || problems.push(problem);
const page = await BrowserPage.open();

async function show(file) {
  await page.choose("#files", [join(directory, file)]);
  await page.until(`document.querySelector("#result .file")?.textContent === "File: ${file}"`);
}

async function look(name, appearance) {
  const path = join(directory, `${name}.png`);
  writeFileSync(path, await page.picture(appearance));
  pictures.push(path);
  const width = await page.evaluate(`document.documentElement.scrollWidth`);
  require(width <= appearance.width, `${name}: ${width} pixels wide on a screen of ${appearance.width}`);
  const { texts, low } = await page.evaluate(`(${lowContrasts})()`);
  contrasts += texts;
  for (const text of low) problems.push(`${name}: ${text}`);
}

async function lookEverywhere() {
  await look("verify-empty-narrow", { width: 360 });
  await page.evaluate(`(() => {
    const key = document.querySelector("#key");
    key.value = ${JSON.stringify(key)};
    key.dispatchEvent(new Event("input"));
  })()`);
  await show("proof.json");
  require((await verdict()) === "Verified: integrity and provenance", `the genuine proof: ${await verdict()}`);
  await look("verify-provenance-wide", { width: 1200, height: 1280 });
  await look("verify-provenance-dark", { width: 800, dark: true });
  await show("tampered.json");
  require((await verdict()) === "Not verified", `the tampered proof: ${await verdict()}`);
  await look("verify-failed-narrow", { width: 360, height: 1280, dark: true });
  await page.send("Emulation.setDeviceMetricsOverride", { width: 320, height: 900, deviceScaleFactor: 1, mobile: false });
  const width = await page.evaluate(`document.documentElement.scrollWidth`);
  require(width <= 320, `${width} pixels wide on a screen of 320`);
}

function verdict() {
  return page.evaluate(`document.querySelector("#verdict").textContent`);
}

async function checkKeyboard() {
  const focus = await page.evaluate(`document.activeElement.id`);
  require(focus === "verdict", `after an answer the focus is on ${focus}`);
  await page.load(pathToFileURL(pagePath).href);
  const order = [];
  for (let count = 0; count < 6; count += 1) {
    await page.press("Tab");
    order.push(await page.evaluate(`document.activeElement.id || document.activeElement.textContent`));
  }
  const expected = ["Skip to the result", "files", "key", "server-key", "missing-layers", "Save this page to use it offline"];
  require(order.join() === expected.join(), `by keyboard one comes to ${order.join(", ")}`);
}

async function checkNames() {
  const { nodes } = await page.send("Accessibility.getFullAXTree");
  const controls = nodes.filter(({ ignored, role }) =>
    !ignored && ["button", "textbox", "checkbox", "link", "heading"].includes(role?.value));
  require(controls.length >= 6, `a screen reader is told of ${controls.length} controls and headings`);
  for (const { role, name } of controls) require(name?.value, `a ${role.value} has no name`);
  const status = await page.evaluate(`document.querySelector("#announcement").getAttribute("role")`);
  require(status === "status", "no verdict is announced");
}

async function checkPrinting() {
  await show("proof.json");
  const { data } = await page.send("Page.printToPDF", { preferCSSPageSize: true });
  const pages = Buffer.from(data, "base64").toString("latin1").match(/\/Type\s*\/Page\b/g)?.length ?? 0;
  require(pages >= 1 && pages <= 6, `it prints on ${pages} pages`);
  await page.send("Emulation.setEmulatedMedia", { media: "print" });
  const isFormShown = await page.evaluate(`document.querySelector("form").checkVisibility()`);
  require(!isFormShown, "the form is printed");
  await page.send("Emulation.setEmulatedMedia", { media: "" });
}

async function checkSilence() {
  const attempts = [
    `fetch("http://127.0.0.1:9/")`,
    `navigator.sendBeacon("http://127.0.0.1:9/", "x")`,
    `(new Image().src = "http://127.0.0.1:9/x.png")`,
    `new WebSocket("ws://127.0.0.1:9/")`,
    `document.body.append(Object.assign(document.createElement("script"), { src: "http://127.0.0.1:9/x.js" }))`,
  ];
  for (const attempt of attempts) {
    const directive = await page.evaluate(`new Promise((resolve) => {
      document.addEventListener("securitypolicyviolation", (event) => resolve(event.effectiveDirective), { once: true });
      setTimeout(() => resolve("nothing"), 2000);
      try { Promise.resolve(${attempt}).catch(() => {}); } catch {}
    })`);
    require(directive !== "nothing", `${attempt} was not forbidden`);
  }
  const allowed = (url) => ["file:", "data:", "about:", "blob:"].some((scheme) => url.startsWith(scheme));
  const sent = page.events.filter(({ method }) => method === "Network.responseReceived" || method === "Network.loadingFinished");
  const asked = page.events.filter(({ method }) => method === "Network.requestWillBeSent").map(({ params }) => params.request.url);
  require(sent.length > 0, "the network was not watched");
  for (const url of asked) require(allowed(url) || url.startsWith("http://127.0.0.1:9/"), `it asked for ${url}`);
}

try {
  await page.load(pathToFileURL(pagePath).href);
  await lookEverywhere();
  await checkKeyboard();
  await checkNames();
  await checkPrinting();
  const errors = page.events.filter(({ method }) => method === "Runtime.exceptionThrown" || method === "Log.entryAdded");
  for (const { params } of errors) problems.push(JSON.stringify(params));
  await checkSilence();
  process.stdout.write(JSON.stringify({ problems, contrasts, pictures }));
} finally {
  await page.close();
}
