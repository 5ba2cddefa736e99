// Every reply as it comes from the server, those that a client then hides by sending again among them.
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
