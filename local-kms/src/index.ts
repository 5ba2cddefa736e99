// The library: start a local KMS in a test, aim faults at it, count its calls.
export { type LocalKms, type LocalKmsOptions, startLocalKms } from './start-local-kms.ts'
export type { NewGuardrails } from './callers/guardrails.ts'
export type { NewRole } from './callers/roles.ts'
export type { BackingFailure, BackingFailures } from './keys/backing-failures.ts'
export type { CallCount } from './traffic/call-counts.ts'
export type { Fault, Faults } from './traffic/faults.ts'
export type { AnsweredCall, CallMatch } from './traffic/observed-call.ts'
export type { Outage } from './traffic/regions.ts'
