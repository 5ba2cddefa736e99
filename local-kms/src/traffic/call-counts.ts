// Counts the authenticated calls, faulty and refused ones included: what a client sent, AWS would charge.
import { type CallMatch, matchesCall, type ObservedCall } from './observed-call.ts'

export interface CallCount {
  readonly operation: string
  readonly region: string
  /** The caller's. */
  readonly account: string
  /** The caller's ARN. */
  readonly caller: string
  /** ARNs. */
  readonly keys: readonly string[]
  readonly count: number
}

export class CallCounts {
  readonly #rows = new Map<string, { call: ObservedCall; count: number }>()

  add(call: ObservedCall): void {
    const arns = call.keys.map((key) => key.arn)
    const name = [call.operation, call.region, call.callerArn, ...arns].join(' ')
    const row = this.#rows.get(name)
    if (row === undefined) this.#rows.set(name, { call, count: 1 })
    else row.count++
  }

  list(match: CallMatch = {}): CallCount[] {
    return this.#matching(match).map(({ call, count }) => ({
      operation: call.operation,
      region: call.region,
      account: call.callerAccount,
      caller: call.callerArn,
      keys: call.keys.map((key) => key.arn),
      count,
    }))
  }

  total(match: CallMatch = {}): number {
    return this.#matching(match).reduce((sum, { count }) => sum + count, 0)
  }

  reset(): void {
    this.#rows.clear()
  }

  #matching(match: CallMatch) {
    return [...this.#rows.values()].filter(({ call }) => matchesCall(match, call))
  }
}
