// Takes the members out of one object of a proof, and notes what is missing, of another type, or too much.

import { isHashHex } from "./bytes.mjs";

/** Every member is asked for once; `finish` then knows whether there are others. Null stands for what cannot be read. */
export class MemberReader {
  constructor(object, place) {
    this.object = object;
    this.place = place;
    this.found = 0;
    this.failures = [];
  }

  /** The member called `name` if `read` makes something of it; `expected` says what it should have been. */
  typed(name, expected, read) {
    if (!this.object.has(name)) {
      this.failures.push(`${this.place} has no member ${name}`);
      return null;
    }
    this.found += 1;
    const result = read(this.object.get(name));
    if (result === null) this.failures.push(`${this.place}.${name} is not ${expected}`);
    return result;
  }

  string(name) {
    return this.typed(name, "a string", stringOf);
  }

  bool(name) {
    return this.typed(name, "true or false", (value) => (typeof value === "boolean" ? value : null));
  }

  objectMember(name) {
    return this.typed(name, "an object", objectOf);
  }

  array(name) {
    return this.typed(name, "an array", arrayOf);
  }

  strings(name) {
    const read = (value) => (arrayOf(value)?.every((element) => stringOf(element) !== null) ? value : null);
    return this.typed(name, "an array of strings", read);
  }

  count(name) {
    const read = (value) => (typeof value === "number" && value >= 0 ? value : null);
    return this.typed(name, "a number not below zero", read);
  }

  hash(name) {
    const read = (value) => (isHashHex(stringOf(value) ?? "") ? value : null);
    return this.typed(name, "a SHA-256 in lower-case hex", read);
  }

  prefixedHash(name) {
    return this.typed(name, "sha256: and lower-case hex", (value) => {
      const text = stringOf(value) ?? "";
      return text.startsWith("sha256:") && isHashHex(text.slice(7)) ? text.slice(7) : null;
    });
  }

  second(name) {
    const read = (value) => (isUTCSecond(stringOf(value) ?? "") ? value : null);
    return this.typed(name, "a time YYYY-MM-DDTHH:MM:SSZ", read);
  }

  /** Notes members that nobody asked for, and returns all that was noted. */
  finish() {
    if (this.object.size !== this.found) {
      this.failures.push(`${this.place} has members that the format does not know`);
    }
    return this.failures;
  }
}

/** `value` if it is a string, else null. */
export function stringOf(value) {
  return typeof value === "string" ? value : null;
}

/** `value` if it is an object, else null. */
export function objectOf(value) {
  return value instanceof Map ? value : null;
}

/** `value` if it is an array, else null. */
export function arrayOf(value) {
  return Array.isArray(value) ? value : null;
}

/** Whether `text` is `YYYY-MM-DDTHH:MM:SSZ` and names a second that exists. */
export function isUTCSecond(text) {
  const match = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})Z$/.exec(text);
  if (match === null) return false;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number);
  return day >= 1 && day <= daysInMonth(year, month) && hour < 24 && minute < 60 && second < 60;
}

function daysInMonth(year, month) {
  const isLeapYear = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return [0, 31, isLeapYear ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month] ?? 0;
}
