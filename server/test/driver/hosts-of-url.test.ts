// A URL with several hosts is read as libpq reads it, and one that cannot be read shows nothing of itself.
import { expect, test } from 'vitest'
import { urlsOfHosts } from '../../src/driver/hosts-of-url.ts'
import { PinnedClient, pinnedConfig } from '../../src/driver/pinned-client.ts'

/** Where the driver would connect to, for each host. */
function placesOf(url: string): string[] {
  return urlsOfHosts(url).map((each) => {
    const { host, port, user, database } = new PinnedClient(pinnedConfig({ url: each }))
    return `${user ?? ''} ${database ?? ''} ${host} ${port}`
  })
}

test.each([
  ['postgres://u:p@h1/d', ['u d h1 5432']],
  ['postgres://u:p@h1:1,h2:2/d', ['u d h1 1', 'u d h2 2']],
  ['postgresql://u:p@h1,h2:2,h3/d?sslmode=verify-full', ['u d h1 5432', 'u d h2 2', 'u d h3 5432']],
  ['postgres://u:p@h1,h2/d?target_session_attrs=read-write', ['u d h1 5432', 'u d h2 5432']],
  ['postgres://u:p@[::1]:1,[2001:db8::2]/d', ['u d ::1 1', 'u d 2001:db8::2 5432']],
  ['postgres://u:p@%2Frun%2Fa:1,%2Frun%2Fb:2/d', ['u d /run/a 1', 'u d /run/b 2']],
  ['postgres://u:p@/d?host=/run/a,h2&port=1,2', ['u d /run/a 1', 'u d h2 2']],
  ['postgres://u:p@/d?host=h1,h2&port=7', ['u d h1 7', 'u d h2 7']],
  ['postgres://u:p,%40x@h1,h2/d', ['u d h1 5432', 'u d h2 5432']],
])('%s', (url, places) => {
  expect(placesOf(url)).toEqual(places)
})

test.each([
  ['postgres://u:s3cret@h1,h2/d?target_session_attrs=any', 'target_session_attrs'],
  ['postgres://u:s3cret@h1/d?target_session_attrs=standby', 'target_session_attrs'],
  ['postgres://u:s3cret@h1,h2/d?target_session_attrs=read-write&target_session_attrs=any', 'target_session'],
  ['postgres://u:s3cret@h1,,h2/d', 'comma'],
  ['postgres://u:s3cret@h1,h2/d?host=h3', 'once'],
  ['postgres://u:s3cret@h1,h2/d?port=7', 'once'],
  ['postgres://u:s3cret@/d?host=h1,h2,h3&port=1,2', '3 hosts and 2 ports'],
  ['postgres://u:s3cret@/d?host=h1&port=1,2', '1 hosts and 2 ports'],
  ['postgres://u:s3cret@/d?host=h1,', 'ports'],
])('%s is refused', (url, said) => {
  expect(() => urlsOfHosts(url)).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIG_INVALID', message: expect.stringContaining(said) as string }),
  )
  expect(() => urlsOfHosts(url)).not.toThrow(/s3cret|h1/)
})
