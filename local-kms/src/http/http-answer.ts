// Answers, and how they go back over the connection.
import type { ServerResponse } from 'node:http'

/** `drop`: the connection ends without an answer. */
export type HttpAnswer = { status: number; contentType: string; text: string } | 'drop'

/** @param body - undefined for an empty answer */
export function jsonAnswer(status: number, contentType: string, body: unknown): HttpAnswer {
  return { status, contentType, text: body === undefined ? '' : JSON.stringify(body) }
}

export function sendAnswer(response: ServerResponse, answer: HttpAnswer): void {
  if (answer === 'drop') {
    response.destroy()
    return
  }
  const { status, contentType, text } = answer
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(text) })
  response.end(text)
}
