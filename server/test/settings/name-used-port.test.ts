import { expect, test } from 'vitest'
import { nameUsedPort } from '../../src/settings/name-used-port.ts'

function messageOf(port: number, settings: Parameters<typeof nameUsedPort>[1]): string {
  const error = Object.assign(new Error(`address already in use :::${port}`), { code: 'EADDRINUSE', port })
  nameUsedPort(error, settings)
  return error.message
}

test('a port in use is named with the setting that chose it', () => {
  const settings = { port: 8080, healthPort: 8081, metricsPort: 9090 }
  expect(messageOf(8080, settings)).toContain('Set KEYHOLD_PORT to')
  expect(messageOf(8081, settings)).toContain('Set KEYHOLD_HEALTH_PORT to')
  expect(messageOf(9090, settings)).toContain('Set KEYHOLD_METRICS_PORT to')
  // Two of Keyhold's own listeners are in each other's way.
  expect(messageOf(8080, { ...settings, healthPort: 8080 })).toContain(
    'Set KEYHOLD_PORT or KEYHOLD_HEALTH_PORT to',
  )
  // Of an embedded PostgreSQL, or a local KMS.
  expect(messageOf(5432, settings)).toBe('address already in use :::5432')
})
