import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import type { Problem } from '@/api/types';

export const server = setupServer();

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** The API answers this path with this body, and tells what it was sent. */
export function answers(method: Method, path: string, body: object, status = 200) {
  const sent: unknown[] = [];
  server.use(
    http[method](`*${path}`, async ({ request }) => {
      sent.push(request.body ? await request.json() : null);
      return HttpResponse.json(body, { status });
    }),
  );
  return sent;
}

export function refuses(
  method: Method,
  path: string,
  problem: Partial<Problem> & { status: number; title: string },
) {
  const body = {
    type: 'about:blank',
    code: 'refused',
    detail: '',
    errors: [],
    request_id: 'req-1',
    ...problem,
  };
  return answers(method, path, body, problem.status);
}

export const pageOf = <Item>(...items: Item[]) => ({ items, next_cursor: null });
