// A statement as a client of the driver gets it, for tests that watch `query`.

export interface SentStatement {
  text: string
  values: unknown[] | undefined
}

/** @param values - the arguments of `query`. Undefined: it is no statement */
export function statementOf(values: readonly unknown[]): SentStatement | undefined {
  const [first, second] = values
  if (typeof first === 'string') return { text: first, values: second as unknown[] | undefined }
  const { text, values: ofObject } = Object(first) as { text?: unknown; values?: unknown[] }
  return typeof text === 'string' ? { text, values: ofObject } : undefined
}
