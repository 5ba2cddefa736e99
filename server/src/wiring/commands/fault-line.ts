// One fault of the database as one line. Whoever can write to the database chooses ids, so that none of them may begin a line
// of its own or steer the terminal.
import { integrityAdvice, type IntegrityFault } from '../../store/integrity-faults.ts'

export function faultLine({ code, table, tenantId, id, message }: IntegrityFault): string {
  const where = `table=${table} tenant=${shown(tenantId ?? '-')} id=${shown(id)}`
  return `${code} ${where}: ${shown(message)}. ${integrityAdvice[code]}`
}

/** Text that neither begins a line of its own nor steers the terminal. */
export function shown(text: string): string {
  return JSON.stringify(text)
    .slice(1, -1)
    .replaceAll(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, '\ufffd')
}
