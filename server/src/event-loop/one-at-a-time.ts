// Answers long questions of a tenant one at a time. Callers that ask the same while it is being answered share the next
// answer, not that one: it may have been read before what they know of. Nobody waits for a turn for ever.
import { gather, type Ask } from './gather.ts'

// As long as a turn of a connection is waited for.
const usualWaitMs = 5_000

/**
 * Creates the asking function.
 *
 * @param refusal - what is thrown when the answer is not begun within `maxWaitMs`
 * @param maxWaitMs - default: 5,000
 */
export function oneAtATime<Value>(
  answer: (tenantId: string, question: string) => Promise<Value>,
  refusal: () => Error,
  maxWaitMs = usualWaitMs,
): Ask<string, Value> {
  const ask = gather<Asker, Settled<Value> | undefined>(async (tenantId, askers) => {
    const answers = new Map<string, Settled<Value>>()
    for (const [question, asking] of Map.groupBy(askers, (each) => each.question)) {
      const stillThere = asking.filter(({ hasLeft }) => !hasLeft)
      for (const { begin } of stillThere) begin()
      if (stillThere.length > 0) answers.set(question, await settled(answer(tenantId, question)))
    }
    return askers.map(({ question }) => answers.get(question))
  })
  return async (tenantId, question) => {
    const refused = Promise.withResolvers<never>()
    const patience = setTimeout(() => {
      asker.hasLeft = true
      refused.reject(refusal())
    }, maxWaitMs)
    const begin = () => {
      clearTimeout(patience)
    }
    const asker: Asker = { question, begin, hasLeft: false }
    const answered = await Promise.race([ask(tenantId, asker), refused.promise])
    if (answered === undefined) throw refusal()
    if ('reason' in answered) throw answered.reason
    return answered.value
  }
}

interface Asker {
  question: string
  /** Called when the answer is begun: from then on it is waited for. */
  begin: () => void
  /** Whether its time was over before. */
  hasLeft: boolean
}

type Settled<Value> = { value: Value } | { reason: unknown }

function settled<Value>(answer: Promise<Value>): Promise<Settled<Value>> {
  return answer.then(
    (value) => ({ value }),
    (reason: unknown) => ({ reason }),
  )
}
