// The names in a certificate: the entries of its subject alternative name, each of one kind and exact. Its subject is not
// looked at: a common name has no kind.

export interface SubjectNames {
  dns: readonly string[]
  /** Such as `spiffe://example.org/service`. */
  uri: readonly string[]
  email: readonly string[]
  ip: readonly string[]
}

const kinds: Readonly<Partial<Record<string, keyof SubjectNames>>> = {
  DNS: 'dns',
  URI: 'uri',
  email: 'email',
  'IP Address': 'ip',
}

// Node puts a value in quotes, as JSON, where it has a character that could look like the next entry (CVE-2021-44532).
const entryForm = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y

/**
 * Reads Node's text of the extension (`X509Certificate.subjectAltName`).
 *
 * @returns undefined if a part of it has another form: then none of it is believed
 */
export function readSubjectNames(text: string | undefined): SubjectNames | undefined {
  const names: Record<keyof SubjectNames, string[]> = { dns: [], uri: [], email: [], ip: [] }
  if (text === undefined) return names
  entryForm.lastIndex = 0
  while (entryForm.lastIndex < text.length) {
    const [whole = '', kind = '', value = ''] = entryForm.exec(text) ?? []
    if (whole === '') return undefined
    const name = value.startsWith('"') ? unquote(value) : value
    if (name === undefined) return undefined
    const of = kinds[kind]
    if (of !== undefined) names[of].push(name)
  }
  return names
}

function unquote(value: string): string | undefined {
  try {
    const text: unknown = JSON.parse(value)
    return typeof text === 'string' ? text : undefined
  } catch {
    return undefined
  }
}
