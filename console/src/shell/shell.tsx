// The frame around every page: who is signed in, where one can go, the one banner.
import { useQuery } from '@tanstack/react-query'
import { Link, Outlet } from '@tanstack/react-router'
import { Button } from '../parts/button.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { problemOf } from '../server/problem.ts'
import { sessionQuery } from '../server/queries.ts'
import { signOut } from '../sign-in/sign-in.ts'
import { SignInPage } from '../sign-in/sign-in-page.tsx'
import { words } from '../words/words.ts'
import { ProductMark } from './product-mark.tsx'
import { SessionContext } from './session.ts'

const pages = [
  { to: '/', name: words.nav.home, permission: 'read-key-providers' },
  { to: '/keys', name: words.nav.keys, permission: 'read-key-providers' },
  { to: '/migrations', name: words.nav.migrations, permission: 'read-migrations' },
  { to: '/lock', name: words.nav.lock, permission: 'read-lock' },
  { to: '/audit', name: words.nav.audit, permission: 'read-audits' },
] as const

export function Shell() {
  const session = useQuery(sessionQuery)
  // A session that ends leaves the page as it is: what was typed is still there after signing in again.
  if (session.data === undefined) {
    if (session.error === null) {
      return (
        <p className="waiting" role="status">
          {words.loading}
        </p>
      )
    }
    return problemOf(session.error).kind === 'signed-out' ? (
      <SignInPage />
    ) : (
      <main className="sign-in">
        <ProblemNote error={session.error} onRetry={() => void session.refetch()} />
      </main>
    )
  }
  const { caller, permissions } = session.data
  return (
    <SessionContext value={session.data}>
      <a className="skip button" href="#page">
        {words.skip}
      </a>
      <div className="shell">
        <header>
          <Link to="/" className="product">
            <ProductMark />
            {words.product}
          </Link>
          <div className="row">
            <span className="quiet small">
              <bdi>{caller.name ?? caller.id}</bdi>
            </span>
            <Button isSmall onClick={() => void signOut()}>
              {words.session.signOut}
            </Button>
          </div>
        </header>
        <nav aria-label={words.nav.label}>
          <ul>
            {pages
              .filter(({ permission }) => permissions.includes(permission))
              .map((page) => (
                <li key={page.to}>
                  <Link to={page.to} activeOptions={{ exact: page.to === '/' }}>
                    {page.name}
                  </Link>
                </li>
              ))}
          </ul>
        </nav>
        <main id="page" tabIndex={-1}>
          <Outlet />
        </main>
      </div>
    </SessionContext>
  )
}
