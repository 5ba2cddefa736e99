// Writes a chain with its checkpoints as lines, for a verification without the server.
import { payloadOf } from '../signatures/payload-of.ts'
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
  const rotations = (await source.rotations()).map(({ statement, counterstatement }) => ({
    rotation: payloadOf(statement),
    ...{ statement, counterstatement },
  }))
  await lines([{ export: { type: exportType, tenantId: head.tenantId } }, ...rotations, { head, jws }])
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
