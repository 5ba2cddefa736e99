import { getCACertificates, setDefaultCACertificates } from 'node:tls'

/** Lets this process trust an authority, or a certificate that signs itself, in PEM. Answers how to take that back. */
export function trustAuthority(certificate: string): () => void {
  const before = getCACertificates('default')
  setDefaultCACertificates([...before, certificate])
  return () => {
    setDefaultCACertificates(before)
  }
}
