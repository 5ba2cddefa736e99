// Writes a chain with its checkpoints as lines, for a verification without the server.
import type { AuditSource } from './audit-source.ts'
import { exportType } from './export-lines.ts'

/** A promise that resolves when the text is taken. */
type Write = (text: string) => Promise<void>

/** @returns how many records it wrote */
export async function exportChain(source: AuditSource, write: Write): Promise<number> {
  const { jws, head } = await source.head()
  const lines = (values: readonly object[]) =>
    values.length === 0
      ? Promise.resolve()
      : write(values.map((value) => `${JSON.stringify(value)}\n`).join(''))
  await lines([{ export: { type: exportType, tenantId: head.tenantId } }, { head, jws }])
  for await (const checkpoints of source.checkpoints()) {
    const told = checkpoints.map((each) => ({ checkpoint: payloadOf(each.jws), jws: each.jws }))
    // A later one names records that came after this head.
    await lines(told.filter(({ checkpoint }) => !(Number(checkpoint?.sequence) > head.sequence)))
  }
  let records = 0
  for await (const { audits } of source.pages(0)) {
    const wanted = audits.filter(({ sequence }) => sequence <= head.sequence)
    await lines(wanted.map((record) => ({ record })))
    records += wanted.length
    if (wanted.length < audits.length) break
  }
  return records
}

/** For reading: nothing is verified here. Null: it is none. */
function payloadOf(jws: string): Record<string, unknown> | null {
  try {
    const payload: unknown = JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString())
    return typeof payload === 'object' && payload !== null ? { ...payload } : null
  } catch {
    return null
  }
}
