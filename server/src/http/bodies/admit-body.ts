// Asks the budget for the bytes of a body, for as long as its request and its answer are in memory.
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ownShares } from '../../store/connections/connection-user.ts'
import { uncountedBytes, type BodyBudget } from './body-budget.ts'
import { createHeldBody, type HeldBody } from './held-body.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined: a short body, which is not counted. */
    heldBody: HeldBody | undefined
  }
}

/** The length that the headers announce; undefined: it is not known before the end. */
export function announcedBytes({ headers }: FastifyRequest): number | undefined {
  const { 'content-length': length } = headers
  return length === undefined ? undefined : Number(length)
}

/** Whose share of the budget the body of a request takes. */
export function shareOf({ authorized }: FastifyRequest): string {
  return authorized?.tenantId ?? ownShares.operators
}

/** Calls `done` when the body may be read, or with the refusal. */
export function admitBody(
  budget: BodyBudget,
  request: FastifyRequest,
  { raw: answer }: FastifyReply,
  bytes: number,
  done: (error?: Error) => void,
): void {
  if (bytes <= uncountedBytes) {
    done()
    return
  }
  function admit(giveBack: () => void): void {
    answer.off('close', leave)
    const held = createHeldBody(giveBack)
    request.heldBody = held
    if (answer.closed) held.release()
    else
      answer.once('close', () => {
        held.release()
      })
    done()
  }
  let leave = (): void => undefined
  try {
    const entered = budget.enter({ share: shareOf(request), bytes }, (giveUp) => {
      leave = giveUp
      answer.once('close', leave)
    })
    if (entered instanceof Promise) entered.then(admit, done)
    else admit(entered)
  } catch (error) {
    done(error as Error)
  }
}
