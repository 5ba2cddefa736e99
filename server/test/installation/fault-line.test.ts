import { expect, test } from 'vitest'
import { faultLine } from '../../src/wiring/commands/fault-line.ts'

test('a planted id begins no line of its own and does not steer the terminal', () => {
  const planted = 'a\nFORGED line\r\u001b[2J\u009b1m\u202egpj\u2028"\\'
  const line = faultLine({
    ...{ code: 'AUDIT_RECORD_BROKEN', table: 'audits', tenantId: planted, id: planted, message: planted },
  } as unknown as Parameters<typeof faultLine>[0])
  expect(line).not.toMatch(/\p{Cc}|\p{Cf}|\p{Zl}/u)
  expect(line).toContain('id=a\\nFORGED line\\r\\u001b[2J\ufffd1m\ufffdgpj\ufffd\\"\\\\')
})
