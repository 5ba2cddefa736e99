// The XML of the Query protocol.
import { randomUUID } from 'node:crypto'

const namespace = 'https://sts.amazonaws.com/doc/2011-06-15/'
const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

export function element(name: string, text: string): string {
  return `<${name}>${text.replace(/[&<>]/g, (one) => escapes[one] ?? one)}</${name}>`
}

/** @param xml - the elements of the result */
export function stsResultXml(operation: string, xml: string): string {
  const metadata = `<ResponseMetadata>${requestId()}</ResponseMetadata>`
  const result = `<${operation}Result>${xml}</${operation}Result>`
  return `<${operation}Response xmlns="${namespace}">${result}${metadata}</${operation}Response>`
}

export function stsErrorXml(code: string, message: string, status: number): string {
  const type = element('Type', status < 500 ? 'Sender' : 'Receiver')
  const error = `<Error>${type}${element('Code', code)}${element('Message', message)}</Error>`
  return `<ErrorResponse xmlns="${namespace}">${error}${requestId()}</ErrorResponse>`
}

function requestId(): string {
  return element('RequestId', randomUUID())
}
