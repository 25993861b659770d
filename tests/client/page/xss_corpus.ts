/**
 * Texts that become more than text where they are not escaped: in an element, an attribute, an address, a style. Each sets
 * `window.attacked`.
 *
 * @module
 */

export const XSS_CORPUS: readonly string[] = [
  "<script>attacked = 1</script>",
  "</p><script>attacked = 1</script>",
  "<img src=x onerror=attacked=1>",
  "<svg onload=attacked=1>",
  '"><svg/onload=attacked=1>',
  "' onmouseover='attacked=1",
  '" autofocus onfocus="attacked=1',
  "<iframe srcdoc='<script>parent.attacked=1</script>'></iframe>",
  "<a href='javascript:attacked=1'>here</a>",
  "javascript:attacked=1",
  'see http://x/"onmouseover="attacked=1',
  "https://x/'><img/src/onerror=attacked=1>",
  "http://javascript:attacked=1",
  "data:text/html,<script>parent.attacked=1</script>",
  "</textarea><script>attacked=1</script>",
  "</title><script>attacked=1</script>",
  "<!--><script>attacked=1</script>",
  "<![CDATA[<script>attacked=1</script>]]>",
  "<math><mtext></mtext><mglyph><style></math><img src onerror=attacked=1>",
  "${attacked=1}",
  "{{constructor.constructor('attacked=1')()}}",
  "&lt;script&gt;attacked=1&lt;/script&gt;",
  "\u003cscript\u003eattacked=1\u003c/script\u003e",
  "<scr\u0000ipt>attacked=1</scr\u0000ipt>".replaceAll("\u0000", "\ufffd"),
  "`<img src=x onerror=attacked=1>`",
  "%3Cscript%3Eattacked=1%3C/script%3E",
  "__proto__",
  "constructor",
];
