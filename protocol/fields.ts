/** The fields between the first `count - 1` commas, and what is left; undefined where there are fewer commas. */
export function split(line: string, count: number): string[] | undefined {
  const fields: string[] = [];
  let from = 0;
  for (let i = 1; i < count; i++) {
    const comma = line.indexOf(",", from);
    if (comma < 0) return undefined;
    fields.push(line.slice(from, comma));
    from = comma + 1;
  }
  fields.push(line.slice(from));
  return fields;
}
