// Drives a headless Chromium over its debugging pipe (Chrome DevTools Protocol), with nothing but Node.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS = [
  "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
  "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--disable-background-timer-throttling", "--disable-renderer-backgrounding",
  "--disable-backgrounding-occluded-windows", "--force-color-profile=srgb", "--hide-scrollbars", "--font-render-hinting=none",
];

/** One page of one browser. */
export class BrowserPage {
  /** Starts a browser; `close` ends it. */
  static async open() {
    const page = new BrowserPage();
    const { targetId } = await page.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await page.send("Target.attachToTarget", { targetId, flatten: true });
    page.sessionId = sessionId;
    for (const domain of ["Page", "Runtime", "DOM", "Network", "Log", "Accessibility"]) {
      await page.send(`${domain}.enable`);
    }
    return page;
  }

  constructor() {
    this.profile = mkdtempSync(join(tmpdir(), "nrx-chromium-"));
    const flags = [...FLAGS, `--user-data-dir=${this.profile}`, "about:blank"];
    this.process = spawn("chromium", flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.process.on("error", (error) => this.fail(error));
    this.process.on("exit", (code) => this.fail(new Error(`chromium ended with ${code}`)));
    this.waiting = new Map();
    this.events = [];
    this.listeners = [];
    this.count = 0;
    this.rest = "";
    this.process.stdio[4].setEncoding("utf8").on("data", (text) => this.receive(text));
  }

  fail(error) {
    this.failure = error;
    for (const { reject } of this.waiting.values()) reject(error);
  }

  receive(text) {
    const messages = (this.rest + text).split("\0");
    this.rest = messages.pop();
    for (const message of messages.map((line) => JSON.parse(line))) {
      const waiter = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      if (waiter === undefined) this.note(message);
      else if (message.error) waiter.reject(new Error(`${waiter.method}: ${message.error.message}`));
      else waiter.resolve(message.result);
    }
  }

  note(event) {
    this.events.push(event);
    const heard = this.listeners.filter(({ method }) => method === event.method);
    this.listeners = this.listeners.filter(({ method }) => method !== event.method);
    for (const { resolve } of heard) resolve(event.params);
  }

  /** One command of the protocol, and its answer. */
  send(method, params = {}) {
    if (this.failure) return Promise.reject(this.failure);
    this.count += 1;
    const id = this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, method });
      const message = { id, method, params, ...(this.sessionId ? { sessionId: this.sessionId } : {}) };
      this.process.stdio[3].write(`${JSON.stringify(message)}\0`);
    });
  }

  /** What `expression` comes to in the page. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** What `value` comes to in the page as soon as `condition` holds there, which it does after some change. */
  until(condition, value = "true") {
    return this.evaluate(`new Promise((resolve) => {
      const look = () => (${condition}) && (observer.disconnect(), resolve(${value}));
      const observer = new MutationObserver(look);
      observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      look();
    })`);
  }

  /** The next event called `method`. */
  next(method) {
    return new Promise((resolve) => this.listeners.push({ method, resolve }));
  }

  /** Loads `url`. */
  async load(url) {
    const loaded = this.next("Page.loadEventFired");
    await this.send("Page.navigate", { url });
    await loaded;
  }

  /** Chooses files as a person does. */
  async choose(selector, files) {
    const { result } = await this.send("Runtime.evaluate", { expression: `document.querySelector("${selector}")` });
    await this.send("DOM.setFileInputFiles", { files, objectId: result.objectId });
  }

  /** A picture of the page from its top, as PNG bytes: all of it, or `height` pixels. */
  async picture({ width, height = Infinity, dark = false }) {
    const features = [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }];
    await this.send("Emulation.setEmulatedMedia", { features });
    const metrics = { width, height: 900, deviceScaleFactor: 1, mobile: false };
    await this.send("Emulation.setDeviceMetricsOverride", metrics);
    const { cssContentSize } = await this.send("Page.getLayoutMetrics");
    const clip = { x: 0, y: 0, width, height: Math.min(height, Math.ceil(cssContentSize.height)), scale: 1 };
    const { data } = await this.send("Page.captureScreenshot", { clip, captureBeyondViewport: true });
    return Buffer.from(data, "base64");
  }

  /** Presses and releases a key. */
  async press(key) {
    const code = { Tab: 9, Enter: 13, " ": 32 }[key];
    const event = { key, code: key === " " ? "Space" : key, windowsVirtualKeyCode: code };
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...event, text: key === "Enter" ? "\r" : undefined });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  /** Ends the browser. */
  async close() {
    this.process.removeAllListeners("exit");
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.kill("SIGKILL");
    await ended;
    await this.removeProfile();
  }

  /** The browser's children live on for a moment and go on writing: what they add is removed in another round. */
  async removeProfile() {
    for (let round = 1; ; round += 1) {
      try {
        rmSync(this.profile, { recursive: true, force: true });
        return;
      } catch (error) {
        if (round === 100) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
}
