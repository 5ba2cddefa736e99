// One request to a Keyhold, sent once, and its reply as an experiment judges it. Unlike the SDK this never throws and
// never sends again: what a caller meets in a moment is the result.

export interface Asked {
  /** Undefined: no whole reply came. */
  status: number | undefined
  /** The body; empty without a reply. */
  text: string
  /** `200`, `424 ERR_KMS_DENIED`, or the name of the error that the connection met. */
  answer: string
}

export interface Question {
  url: string
  token: string
  path: string
  /** Sent as JSON. */
  body?: object
  timeoutMs: number
}

/** Sends a POST. */
export async function ask({ url, token, path, body, timeoutMs }: Question): Promise<Asked> {
  try {
    const reply = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(timeoutMs),
    })
    const text = await reply.text()
    const { status } = reply
    return { status, text, answer: reply.ok ? String(status) : `${status} ${codeIn(text) ?? 'no code'}` }
  } catch (error) {
    return { status: undefined, text: '', answer: error instanceof Error ? error.name : 'no answer' }
  }
}

/** The first error code in a body. */
export function codeIn(text: string): string | undefined {
  return /"code":"([^"]+)"/.exec(text)?.[1]
}
