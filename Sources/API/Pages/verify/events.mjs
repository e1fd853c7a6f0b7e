// One line of the log, read strictly: exactly the nine members, byte for byte its own canonical form.

import { haveSameBytes } from "./bytes.mjs";
import { canonicalBytes } from "./canonical.mjs";
import { readJSON } from "./json.mjs";
import { isUTCSecond, objectOf, stringOf } from "./members.mjs";

const NAMES = ["actor", "at", "data", "id", "seq", "stream", "trace", "type", "v"];
const STRINGS = ["actor", "at", "id", "stream", "trace", "type"];

/** Why a line of the log is not an event. */
export class EventError extends Error {}

/** Reads a line without its newline; throws an EventError that says what is wrong with it. */
export function readEvent(line) {
  let value;
  try {
    value = readJSON(line);
  } catch (error) {
    throw new EventError(`not JSON: ${error.message}`);
  }
  const members = objectOf(value);
  const hasNames = members?.size === NAMES.length && NAMES.every((name) => members.has(name));
  const hasTypes =
    hasNames &&
    STRINGS.every((name) => stringOf(members.get(name)) !== null) &&
    objectOf(members.get("data")) !== null &&
    members.get("seq") >= 0 &&
    typeof members.get("seq") === "number" &&
    typeof members.get("v") === "number" &&
    members.get("v") >= 1;
  if (!hasTypes) throw new EventError("the members are not exactly those of an event");
  const at = members.get("at");
  if (!isUTCMicrosecond(at)) throw new EventError(`not a time in the log's form: ${at}`);
  if (!haveSameBytes(canonicalBytes(members), line)) throw new EventError("not in RFC 8785 canonical form");
  const [data, sequence] = [members.get("data"), members.get("seq")];
  return { data, sequence, stream: members.get("stream"), type: members.get("type") };
}

function isUTCMicrosecond(text) {
  return /^.{19}\.\d{6}Z$/s.test(text) && isUTCSecond(`${text.slice(0, 19)}Z`);
}
