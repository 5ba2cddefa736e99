// Answers long questions of a tenant one at a time. Callers that ask the same while it is being answered share the next
// answer, not that one: it may have been read before what they know of.
import { gather, type Ask } from './gather.ts'

/** Creates the asking function. */
export function oneAtATime<Value>(
  answer: (tenantId: string, question: string) => Promise<Value>,
): Ask<string, Value> {
  const ask = gather<string, Settled<Value>>(async (tenantId, questions) => {
    const answers = new Map<string, Promise<Settled<Value>>>()
    for (const question of new Set(questions)) {
      const answered = settled(answer(tenantId, question))
      answers.set(question, answered)
      await answered
    }
    return Promise.all(
      questions.map((question) => answers.get(question) ?? settled(answer(tenantId, question))),
    )
  })
  return async (tenantId, question) => {
    const answered = await ask(tenantId, question)
    if ('reason' in answered) throw answered.reason
    return answered.value
  }
}

type Settled<Value> = { value: Value } | { reason: unknown }

function settled<Value>(answer: Promise<Value>): Promise<Settled<Value>> {
  return answer.then(
    (value) => ({ value }),
    (reason: unknown) => ({ reason }),
  )
}
