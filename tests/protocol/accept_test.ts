import { assertEquals } from "@std/assert";
import { preferredForm } from "../../protocol/http/accept.ts";

// http.md 1.7
Deno.test("a media type that has the name of a property of objects is none that is known", () => {
  for (const accept of ["constructor", "__proto__", "constructor;q=1, text/html;q=0.1", "toString"]) {
    assertEquals(preferredForm(accept), accept.includes("html") ? "html" : "text");
  }
});
