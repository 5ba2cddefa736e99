// One fault of the database as one line. Whoever can write to the database chooses ids, so that none of them may begin a line
// of its own or steer the terminal.
import { shown } from '../../driver/shown-text.ts'
import { integrityAdvice, type IntegrityFault } from '../../store/integrity-faults.ts'

export function faultLine({ code, table, tenantId, id, message }: IntegrityFault): string {
  const where = `table=${table} tenant=${shown(tenantId ?? '-')} id=${shown(id)}`
  return `${code} ${where}: ${shown(message)}. ${integrityAdvice[code]}`
}
