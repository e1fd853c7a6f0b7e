// node own-key.mjs PAGE PROOF: uses the key that the page came with, and prints the page's report.

import { pathToFileURL } from "node:url";
import { BrowserPage } from "./chromium.mjs";

const [pagePath, proof] = process.argv.slice(2);
const page = await BrowserPage.open();
try {
  await page.load(pathToFileURL(pagePath).href);
  await page.choose("#files", [proof]);
  await page.until(`document.querySelector("#result .file") !== null`);
  // Before, the page says that it has no key; so the next answer is the one with the key.
  await page.until(`document.querySelector(".level.not_reached") !== null`);
  await page.evaluate(`document.querySelector("#server-key").click()`);
  await page.until(`document.querySelector(".level.not_reached") === null`);
  process.stdout.write(await page.evaluate(`document.querySelector("#report").textContent`));
} finally {
  await page.close();
}
