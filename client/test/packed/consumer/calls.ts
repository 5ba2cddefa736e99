// TypeScript checks these calls; nobody runs them. A line that expects an error fails where there is none.
import { roles, type KeyholdClient, type RouteId } from '@keyhold/client'

export async function calls(keyhold: KeyholdClient): Promise<void> {
  const { body: provider } = await keyhold.call('getKeyProvider', { params: { arnFingerPrint: 'f' } })
  provider.arn satisfies string
  provider.current satisfies true | undefined
  // @ts-expect-error the reply has no such member
  provider.nothing satisfies string

  const reset = await keyhold.call('resetToDefaultProvider')
  if (reset.status === 200) reset.body.message satisfies string
  else reset.body satisfies undefined
  // @ts-expect-error a status that the route does not answer
  if (reset.status === 201) return

  await keyhold.call('createApiKey', { body: { role: 'service' } })
  // @ts-expect-error a role that does not exist
  await keyhold.call('createApiKey', { body: { role: 'nobody' } })
  // @ts-expect-error the body is missing
  await keyhold.call('createTenant')
  // @ts-expect-error the parameter is missing
  await keyhold.call('deleteTenant')
  // @ts-expect-error a route that does not exist
  'nothing' satisfies RouteId
  roles.includes('service') satisfies boolean
}
