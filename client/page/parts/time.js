// @ts-check

/**
 * Times, sizes and counts as people read them.
 *
 * @module
 */

const DAY = lazily({ weekday: "long", day: "numeric", month: "long" });
const DAY_OF_YEAR = lazily({ day: "numeric", month: "long", year: "numeric" });
const FULL = lazily({ dateStyle: "full", timeStyle: "medium" });
const SHORT = lazily({ day: "numeric", month: "short" });
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * A format that is made when it is used first: to make one takes as long as to draw a page of messages.
 *
 * @param {Intl.DateTimeFormatOptions} options
 * @returns {(time: Date) => string}
 */
function lazily(options) {
  /** @type {Intl.DateTimeFormat | undefined} */
  let format;
  return (time) => (format ??= new Intl.DateTimeFormat(undefined, options)).format(time);
}

/** @param {Date} time `12:01` */
export function clockTime(time) {
  return [time.getHours(), time.getMinutes()].map((part) => `${part}`.padStart(2, "0")).join(":");
}

/** @param {Date} time With the day and seconds. */
export function fullTime(time) {
  return FULL(time);
}

/** @param {Date} time `12:01` today, `3 May` before that. */
export function shortTime(time) {
  return isSameDay(time, new Date()) ? clockTime(time) : SHORT(time);
}

/**
 * @param {Date} one
 * @param {Date} other
 */
export function isSameDay(one, other) {
  return one.toDateString() === other.toDateString();
}

/** @param {Date} time `Today`, `Yesterday`, `Monday, 3 May`. */
export function dayName(time) {
  const now = new Date();
  if (isSameDay(time, now)) return "Today";
  if (isSameDay(time, new Date(now.getTime() - DAY_MS))) return "Yesterday";
  return (now.getTime() - time.getTime() < 180 * DAY_MS ? DAY : DAY_OF_YEAR)(time);
}

/** @param {number} count A whole one: `1,204`. */
export function countText(count) {
  return `${count}`.replace(/\B(?=(\d{3})+$)/g, ",");
}

/**
 * @param {number} count
 * @param {string} one What there is one of.
 * @param {string} [many]
 */
export function counted(count, one, many = `${one}s`) {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

/** @param {number} bytes `412 KiB` */
export function sizeText(bytes) {
  if (bytes < 1024) return counted(bytes, "byte");
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let size = bytes, unit = -1;
  while (size >= 1023.5 && unit < units.length - 1) size /= 1024, unit++;
  return `${size < 9.95 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

/** @param {number} ms `4 min` */
export function durationText(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return counted(Math.round(seconds / 86400), "day");
}
