// Counts every reply of the server, also those that a client hides by sending again.
import type { Tally } from './tally.ts'

export function createObservedFetch(tally: Tally): typeof fetch {
  return async (input, init) => {
    let reply: Response
    try {
      reply = await fetch(input, init)
    } catch (error) {
      tally.replied('none')
      throw error
    }
    tally.replied(reply.ok ? String(reply.status) : `${reply.status} ${await errorCodeOf(reply.clone())}`)
    return reply
  }
}

async function errorCodeOf(reply: Response): Promise<string> {
  try {
    const { errors } = (await reply.json()) as { errors: { code: string }[] }
    return errors.map(({ code }) => code).join(' ')
  } catch {
    return 'without an error envelope'
  }
}
