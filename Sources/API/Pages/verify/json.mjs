// A strict reader of RFC 8259 JSON: one value, nothing around it but white space, no duplicate member names at any
// depth, no lone surrogates, no byte order mark, whole numbers only. The browser's JSON.parse would let all of these
// through, and a proof must have one meaning.
//
// null, true, false, numbers, strings and arrays are JavaScript's own; an object is a Map whose members are in the order
// of RFC 8785 (UTF-16 code units, which is how JavaScript compares strings).

import { textOfUTF8 } from "./bytes.mjs";

const DEPTH_MAX = 16;

const JSON_PROBLEMS = {
  byteOrderMark: "the text begins with a byte order mark",
  unexpectedEnd: "the text ends too early",
  unexpectedByte: "this byte cannot stand here",
  trailingBytes: "something follows the value",
  duplicateMember: "a member name stands twice in one object",
  invalidUTF8: "the text is not valid UTF-8",
  loneSurrogate: "an escape is half of a surrogate pair",
  invalidEscape: "this escape does not exist in JSON",
  controlCharacter: "a control character stands unescaped in a string",
  numberOutOfRange: "only integers within ±(2^53−1), written without fraction or exponent, are accepted",
  tooDeep: "the value is nested too deeply",
};

/** Why some bytes are not the JSON that is accepted, and at which byte. */
export class StrictJSONError extends Error {
  constructor(problem, offset) {
    super(`${JSON_PROBLEMS[problem]} (at byte ${offset})`);
    this.problem = problem;
    this.offset = offset;
  }
}

/** Reads the one JSON value that `bytes` are; throws StrictJSONError. */
export function readJSON(bytes) {
  return new StrictJSONReader(bytes).readDocument();
}

const ESCAPES = { 0x22: '"', 0x5c: "\\", 0x2f: "/", 0x62: "\b", 0x66: "\f", 0x6e: "\n", 0x72: "\r", 0x74: "\t" };
const LITERALS = { 0x74: ["true", true], 0x66: ["false", false], 0x6e: ["null", null] };

class StrictJSONReader {
  constructor(bytes) {
    this.bytes = bytes;
    this.position = 0;
  }

  readDocument() {
    const [first, second, third] = this.bytes;
    if (first === 0xef && second === 0xbb && third === 0xbf) this.fail("byteOrderMark", 0);
    this.skipWhiteSpace();
    const value = this.readValue(0);
    this.skipWhiteSpace();
    if (this.position !== this.bytes.length) this.fail("trailingBytes");
    return value;
  }

  fail(problem, offset = this.position) {
    throw new StrictJSONError(problem, offset);
  }

  peek() {
    if (this.position >= this.bytes.length) this.fail("unexpectedEnd");
    return this.bytes[this.position];
  }

  expect(byte) {
    if (this.peek() !== byte) this.fail("unexpectedByte");
    this.position += 1;
  }

  skipWhiteSpace() {
    while ([0x20, 0x0a, 0x0d, 0x09].includes(this.bytes[this.position])) this.position += 1;
  }

  readValue(depth) {
    const byte = this.peek();
    if (byte === 0x7b) return this.readObject(depth + 1);
    if (byte === 0x5b) return this.readArray(depth + 1);
    if (byte === 0x22) return this.readString();
    if (byte in LITERALS) return this.readLiteral(...LITERALS[byte]);
    if (byte === 0x2d || isDigit(byte)) return this.readNumber();
    return this.fail("unexpectedByte");
  }

  readObject(depth) {
    if (depth > DEPTH_MAX) this.fail("tooDeep");
    const start = this.position;
    const members = [];
    this.position += 1;
    this.skipWhiteSpace();
    if (this.peek() === 0x7d) {
      this.position += 1;
      return new Map();
    }
    for (;;) {
      this.skipWhiteSpace();
      if (this.peek() !== 0x22) this.fail("unexpectedByte");
      const name = this.readString();
      this.skipWhiteSpace();
      this.expect(0x3a);
      this.skipWhiteSpace();
      members.push([name, this.readValue(depth)]);
      this.skipWhiteSpace();
      if (this.peek() !== 0x2c) break;
      this.position += 1;
    }
    this.expect(0x7d);
    members.sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0));
    const object = new Map(members);
    if (object.size !== members.length) this.fail("duplicateMember", start);
    return object;
  }

  readArray(depth) {
    if (depth > DEPTH_MAX) this.fail("tooDeep");
    const elements = [];
    this.position += 1;
    this.skipWhiteSpace();
    if (this.peek() === 0x5d) {
      this.position += 1;
      return elements;
    }
    for (;;) {
      this.skipWhiteSpace();
      elements.push(this.readValue(depth));
      this.skipWhiteSpace();
      if (this.peek() !== 0x2c) break;
      this.position += 1;
    }
    this.expect(0x5d);
    return elements;
  }

  readLiteral(text, value) {
    for (const character of text) this.expect(character.charCodeAt(0));
    return value;
  }

  readNumber() {
    const start = this.position;
    if (this.bytes[this.position] === 0x2d) this.position += 1;
    const digits = this.position;
    while (isDigit(this.bytes[this.position])) this.position += 1;
    if (this.position === digits) this.fail(this.position < this.bytes.length ? "unexpectedByte" : "unexpectedEnd");
    const text = String.fromCharCode(...this.bytes.subarray(start, Math.min(this.position, start + 20)));
    const isFraction = [0x2e, 0x65, 0x45].includes(this.bytes[this.position]);
    const isWhole = !isFraction && /^(0|-?[1-9][0-9]{0,15})$/.test(text) && this.position - start === text.length;
    if (!isWhole || !Number.isSafeInteger(Number(text))) this.fail("numberOutOfRange", start);
    return Number(text);
  }

  readString() {
    this.position += 1;
    const start = this.position;
    for (;;) {
      const byte = this.peek();
      if (byte === 0x22) {
        const text = this.decode(this.bytes.subarray(start, this.position), start);
        this.position += 1;
        return text;
      }
      if (byte === 0x5c) return this.readEscapedString(start);
      if (byte < 0x20) this.fail("controlCharacter");
      this.position += 1;
    }
  }

  readEscapedString(start) {
    const unescaped = [...this.bytes.subarray(start, this.position)];
    for (;;) {
      const byte = this.peek();
      if (byte === 0x22) {
        this.position += 1;
        return this.decode(Uint8Array.from(unescaped), start);
      }
      if (byte < 0x20) this.fail("controlCharacter");
      this.position += 1;
      if (byte === 0x5c) unescaped.push(...new TextEncoder().encode(this.readEscape()));
      else unescaped.push(byte);
    }
  }

  readEscape() {
    const byte = this.peek();
    this.position += 1;
    if (byte in ESCAPES) return ESCAPES[byte];
    if (byte !== 0x75) this.fail("invalidEscape", this.position - 1);
    const start = this.position;
    const first = this.readFourHexDigits();
    if (first < 0xd800 || first > 0xdfff) return String.fromCharCode(first);
    const [next, afterNext] = this.bytes.subarray(this.position, this.position + 2);
    if (first >= 0xdc00 || next !== 0x5c || afterNext !== 0x75) this.fail("loneSurrogate", start);
    this.position += 2;
    const second = this.readFourHexDigits();
    if (second < 0xdc00 || second > 0xdfff) this.fail("loneSurrogate", start);
    return String.fromCharCode(first, second);
  }

  readFourHexDigits() {
    let value = 0;
    for (let count = 0; count < 4; count += 1) {
      const digit = "0123456789abcdef".indexOf(String.fromCharCode(this.peek()).toLowerCase());
      if (digit < 0) this.fail("invalidEscape");
      value = value * 16 + digit;
      this.position += 1;
    }
    return value;
  }

  decode(bytes, offset) {
    return textOfUTF8(bytes) ?? this.fail("invalidUTF8", offset);
  }
}

function isDigit(byte) {
  return byte >= 0x30 && byte <= 0x39;
}
