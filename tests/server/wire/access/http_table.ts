/**
 * Who is let in on which route of HTTP: what each request comes to, as its status and the code of its problem
 * (`protocol/http.md`). Every cell is carried out by `http_routes_test.ts`.
 *
 * @module
 */

import type { Mode } from "./table.ts";

/** Who asks: the accounts of `world.ts`, each in every way in which one logs in. */
export const WHO = ["nobody", "alice", "carla, forum alone", "bob", "ada, admin"] as const;

export type Who = typeof WHO[number];

const NO_LOGIN = "401 no log-in";

/** Of a log-in that is wrong, on every route: it is not taken for none. */
export const WRONG_LOGIN = "401 wrong log-in";

/** Everybody may, who may be there at all. */
const all = (done: string) => [done, done, done, done, done];
/** Everybody may whose account covers the mailbox, or who has none. */
const mailbox = (done: string) => [done, done, "403 not confirmed", done, done];
/** Alice alone may; the role of an administrator gives nobody another's name or mailbox. */
const hers = (nobody: string, done: string, others: string, carla = "403 not confirmed") => [
  nobody,
  done,
  carla,
  others,
  others,
];
/** Everybody may who has an account. */
const users = (done: string) => [NO_LOGIN, done, done, done, done];
/** Bob alone may. */
const his = (done: string) => [NO_LOGIN, "403 not yours", "403 not yours", done, "403 not yours"];
const admin = (done: string) => [NO_LOGIN, ...Array(3).fill("403 no administrator"), done];

/** In the order of {@linkcode WHO}. With `--auth required`, nobody gets `no log-in`. */
export const HTTP_TABLE = {
  "put": mailbox("201"),
  "put as alice": hers("401 sender has an account", "201", "401 sender has an account"),
  "peek at alice's": hers("401 account", "200", "403 not your mailbox"),
  "receive alice's": hers("401 account", "200", "403 not your mailbox"),
  "lease alice's, acknowledge": hers("401 account", "204", "403 not your mailbox"),
  // whoever was given the ID of a lease has it: nobody can guess one
  "acknowledge alice's lease, knowing its ID": all("204"),
  "acknowledge alice's lease, guessing its ID": all("409 lease lost"),
  "put into the shared queue": mailbox("201"),
  "receive from it": mailbox("200"),
  "list channels": all("200"),
  "make a channel": all("201"),
  "say something": all("201"),
  "say something as alice": hers("401 not logged in", "201", "401 not logged in", "401 not logged in"),
  "read a channel": all("200"),
  "list members": all("200"),
  "read events": all("200"),
  "list threads": users("200"),
  "make a thread": users("201"),
  "post": users("201"),
  "read a thread": users("200"),
  "edit bob's message": his("204"),
  "delete bob's message": his("204"),
  "remove bob's thread": his("204"),
  "send a file": users("201"),
  "fetch a file": users("200"),
  "metrics": all("200"),
  "admin: status": admin("200"),
  "admin: limits": admin("200"),
  "admin: connections": admin("200"),
  "admin: dead letters": admin("200"),
  // there is no such letter
  "admin: requeue": admin("409 not done"),
  "admin: delete": admin("409 not done"),
};

export type HttpRoute = keyof typeof HTTP_TABLE;

/** What it comes to for one of these. */
export function expected(mode: Mode, route: HttpRoute, who: Who): string {
  return who === "nobody" && mode === "required" ? NO_LOGIN : HTTP_TABLE[route][WHO.indexOf(who)]!;
}
