// node verdicts.mjs PAGE CASES: gives every case of CASES/cases.json to the page in a browser, as a person would, and
// prints the page's reports as one JSON object by case.

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { BrowserPage } from "./chromium.mjs";

const [pagePath, directory] = process.argv.slice(2).map((path) => resolve(path));
const cases = JSON.parse(readFileSync(join(directory, "cases.json"), "utf8"));

const page = await BrowserPage.open();
try {
  await page.load(pathToFileURL(pagePath).href);
  const reports = {};
  for (const { name, key, inclusion, acceptsMissingLayers } of cases) {
    await page.evaluate(`(() => {
      const [key, layers] = [document.querySelector("#key"), document.querySelector("#missing-layers")];
      [key.value, layers.checked] = [${JSON.stringify(key ?? "")}, ${Boolean(acceptsMissingLayers)}];
      key.dispatchEvent(new Event("input"));
    })()`);
    const files = [`${name}.json`, ...(inclusion ? [`${name}.tlog-proof`] : [])];
    await page.choose("#files", files.map((file) => join(directory, file)));
    const isShown = `document.querySelector("#result .file")?.textContent === "File: ${name}.json"`;
    reports[name] = JSON.parse(await page.until(isShown, `document.querySelector("#report").textContent`));
  }
  process.stdout.write(JSON.stringify(reports));
} finally {
  await page.close();
}
