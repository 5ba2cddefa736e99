// Counts the calls with a valid signature, faulty and refused ones included, because AWS would charge for them.
import { type CallMatch, matchesCall, type ObservedCall } from './observed-call.ts'

export interface CallCount {
  operation: string
  region: string
  /** The caller's. */
  account: string
  /** The caller's ARN. */
  caller: string
  /** ARNs. */
  keys: readonly string[]
  count: number
}

export interface CallCounts {
  add(call: ObservedCall): void
  list(match?: CallMatch): CallCount[]
  /** How many calls fit. */
  total(match?: CallMatch): number
  reset(): void
}

export function createCallCounts(): CallCounts {
  const rows = new Map<string, { call: ObservedCall; count: number }>()

  function listRows(match: CallMatch) {
    return [...rows.values()].filter(({ call }) => matchesCall(match, call))
  }

  return {
    add(call) {
      const arns = call.keys.map((key) => key.arn)
      const name = [call.operation, call.region, call.callerArn, ...arns].join(' ')
      const row = rows.get(name)
      if (row === undefined) rows.set(name, { call, count: 1 })
      else row.count++
    },
    list: (match = {}) =>
      listRows(match).map(({ call, count }) => ({
        operation: call.operation,
        region: call.region,
        account: call.callerAccount,
        caller: call.callerArn,
        keys: call.keys.map((key) => key.arn),
        count,
      })),
    total: (match = {}) => listRows(match).reduce((sum, { count }) => sum + count, 0),
    reset() {
      rows.clear()
    },
  }
}
