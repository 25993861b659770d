/**
 * Packages that judge the OpenAPI document, and make a client of it. As those of `tests/client/page/playwright.ts` they are
 * imported by names that are not written in the imports, and held by `tests/deno.lock`. What is used of them is declared
 * here.
 *
 * @module
 */

import type { Schema } from "../../../../protocol/http/route.ts";

const PACKAGES = {
  validator: "npm:@seriousme/openapi-schema-validator@2.11.0",
  linter: "npm:@redocly/openapi-core@1.34.24",
  ajv: "npm:ajv@8.20.0/dist/2020.js",
  formats: "npm:ajv-formats@3.0.1",
  generator: "npm:openapi-typescript@7.13.0",
};

/** What a client is made with. */
export const CLIENT_PACKAGE = "npm:openapi-fetch@0.17.0";

/** Validates an OpenAPI document by the JSON schema of the version that it says. */
export async function validateDocument(document: unknown): Promise<{ valid: boolean; errors?: unknown }> {
  const { Validator } = await import(PACKAGES.validator);
  return await new Validator().validate(document);
}

/** What a linter finds in an OpenAPI document by its strictest rules, with examples that are not of their schema. */
export async function lintDocument(source: string): Promise<string[]> {
  const { createConfig, lintFromString } = await import(PACKAGES.linter);
  const rules = [
    "no-invalid-media-type-examples",
    "no-invalid-parameter-examples",
    "no-invalid-schema-examples",
  ];
  const config = await createConfig({
    extends: ["recommended-strict"],
    rules: Object.fromEntries(rules.map((rule) => [rule, "error"])),
  });
  const problems: { message: string }[] = await lintFromString({ source, config });
  return problems.map(({ message }) => message);
}

/** The types of a client, as a module of TypeScript. */
export async function generateTypes(document: string): Promise<string> {
  const { default: generate, astToString } = await import(PACKAGES.generator);
  return astToString(await generate(JSON.parse(document)));
}

/** What is wrong with a value that is not of a schema. What the schema does not declare is wrong too. */
export async function faultsOf(value: unknown, schema: Schema): Promise<unknown> {
  const { Ajv2020 } = await import(PACKAGES.ajv), { default: addFormats } = await import(PACKAGES.formats);
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true });
  addFormats(ajv);
  return ajv.validate(closed(schema), value) ? undefined : ajv.errors;
}

/** The schema without members that it does not declare. */
function closed({ properties, items, ...rest }: Schema): Schema {
  return {
    ...rest,
    ...items === undefined ? {} : { items: closed(items) },
    ...properties === undefined ? {} : {
      additionalProperties: false,
      properties: Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, closed(one)])),
    },
  };
}
