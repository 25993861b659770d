/**
 * The outcome of a request of which only a piece was done, so that it does not keep others waiting: what is left has to be
 * asked for by this request (store 11.2). No client sees it.
 */
export class Again<R extends { kind: string } = { kind: string }> {
  constructor(readonly request: R) {}
}
