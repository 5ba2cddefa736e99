// The library: start a local KMS in a test, aim faults at it, count its calls.
export type { CallCount } from './call-counts.ts'
export type { Fault, Faults } from './faults.ts'
export { type LocalKms, type LocalKmsOptions, startLocalKms } from './local-kms.ts'
export type { NewRole } from './roles.ts'
export type { Outage } from './regions.ts'
export type { AnsweredCall, CallMatch } from './observed-call.ts'
