import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { createQueryClient } from '@/api/queries';
import { refreshSession, session } from '@/api/session';
import { readSearch as readHistorySearch } from '@/features/history/search';
import { readSearch as readOverviewSearch } from '@/features/overview/period';
import { CannotStart, NotFound } from './Fallbacks';
import { Shell } from './shell/Shell';

export const queryClient = createQueryClient();

/** Whether somebody is logged in; asks the server once per page load. */
async function authenticated(): Promise<boolean> {
  if (session.getState().status === 'unknown') await refreshSession();
  return session.getState().status === 'authenticated';
}

const text = (value: unknown) => (typeof value === 'string' && value ? value : undefined);

/** A path of ours, never another site's. */
const ownPath = (value: unknown) => {
  const path = text(value);
  return path?.startsWith('/') && !path.startsWith('//') ? path : undefined;
};

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: CannotStart });

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: (search: Record<string, unknown>): { next?: string; expired?: true } => {
    const next = ownPath(search.next);
    return { ...(next ? { next } : {}), ...(search.expired ? { expired: true } : {}) };
  },
  beforeLoad: async ({ search }) => {
    if (await authenticated()) throw redirect({ href: search.next ?? '/' });
  },
  component: lazyRouteComponent(() => import('@/features/auth/LoginPage'), 'LoginPage'),
});

const shell = createRoute({
  getParentRoute: () => root,
  id: 'shell',
  beforeLoad: async ({ location }) => {
    if (await authenticated()) return;
    throw redirect({ to: '/login', search: location.href === '/' ? {} : { next: location.href } });
  },
  component: Shell,
});

const positions = createRoute({
  getParentRoute: () => shell,
  path: '/',
  component: lazyRouteComponent(() => import('@/features/positions/PositionsPage'), 'PositionsPage'),
});

const positionsByName = createRoute({
  getParentRoute: () => root,
  path: '/positions',
  beforeLoad: () => {
    throw redirect({ to: '/' });
  },
});

const position = createRoute({
  getParentRoute: () => shell,
  path: '/positions/$id',
  component: lazyRouteComponent(() => import('@/features/positions/detail/PositionPage'), 'PositionPage'),
});

const overview = createRoute({
  getParentRoute: () => shell,
  path: '/overview',
  validateSearch: readOverviewSearch,
  component: lazyRouteComponent(() => import('@/features/overview/OverviewPage'), 'OverviewPage'),
});

const signals = createRoute({
  getParentRoute: () => shell,
  path: '/signals',
  validateSearch: (search: Record<string, unknown>): { id?: string } => {
    const id = text(search.id);
    return id ? { id } : {};
  },
  component: lazyRouteComponent(() => import('@/features/signals/SignalsPage'), 'SignalsPage'),
});

const history = createRoute({
  getParentRoute: () => shell,
  path: '/history',
  validateSearch: readHistorySearch,
  component: lazyRouteComponent(() => import('@/features/history/HistoryPage'), 'HistoryPage'),
});

const security = createRoute({
  getParentRoute: () => shell,
  path: '/security',
  component: lazyRouteComponent(() => import('@/features/security/SecurityPage'), 'SecurityPage'),
});

const setup = createRoute({
  getParentRoute: () => shell,
  path: '/setup',
  component: lazyRouteComponent(() => import('@/features/setup/SetupPage'), 'SetupPage'),
});

export const router = createRouter({
  routeTree: root.addChildren([
    login,
    positionsByName,
    shell.addChildren([positions, position, overview, signals, history, setup, security]),
  ]),
  defaultPreload: 'intent',
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
