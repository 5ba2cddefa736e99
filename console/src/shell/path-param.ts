// The parts of an address that name a thing, such as a key.
import { useParams } from '@tanstack/react-router'

/** Empty: the address has no such part. The types of the router do not reach pages that are loaded later. */
export function usePathParam(name: string): string {
  const params: unknown = useParams({ strict: false })
  const value: unknown = typeof params === 'object' && params !== null ? Reflect.get(params, name) : undefined
  return typeof value === 'string' ? value : ''
}
