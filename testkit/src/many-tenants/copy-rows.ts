// Rows into a table by COPY, which takes a fraction of the time of inserts. Indexes, constraints and triggers see each row all
// the same.
import type pg from 'pg'

/** Each value as the store reads and writes it: JSON as an object. */
export type CopiedRow = Readonly<Record<string, unknown>>

/** Its part of a connection of `pg`, whose types do not tell of it. */
interface CopyConnection {
  query(text: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
}

/** Copies rows that all have the columns of the first one. */
export async function copyRows(client: pg.Client, table: string, rows: readonly object[]): Promise<void> {
  const [first] = rows
  if (first === undefined) return
  const columns = Object.keys(first)
  const text = (rows as readonly CopiedRow[]).map(
    (row) => `${columns.map((column) => textOf(row[column])).join('\t')}\n`,
  )
  await send(client, `copy keyhold.${table} (${columns.join(', ')}) from stdin`, Buffer.from(text.join('')))
}

/** The driver hands over to this what the server answers. */
function send(client: pg.Client, statement: string, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    let failure: Error | undefined
    const submitted = {
      submit(connection: CopyConnection) {
        connection.query(statement)
      },
      handleCopyInResponse(connection: CopyConnection) {
        connection.sendCopyFromChunk(chunk)
        connection.endCopyFrom()
      },
      handleError(error: Error) {
        failure = error
        reject(error)
      },
      handleCommandComplete: () => undefined,
      handleReadyForQuery() {
        if (failure === undefined) resolve()
      },
    }
    client.query(submitted as unknown as pg.Submittable)
  })
}

/** In the text form of COPY. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return String.raw`\N`
  if (typeof value === 'string') return escaped(value)
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return String.raw`\\x${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value))
    return escaped(`{${value.map((text: unknown) => JSON.stringify(text)).join(',')}}`)
  return escaped(JSON.stringify(value))
}

function escaped(text: string): string {
  return /[\\\t\n\r]/.test(text)
    ? text
        .replaceAll('\\', String.raw`\\`)
        .replaceAll('\t', String.raw`\t`)
        .replaceAll('\n', String.raw`\n`)
        .replaceAll('\r', String.raw`\r`)
    : text
}
