import type { FieldError, Problem } from './types';

/** A request that did not succeed: the server's own words (RFC 9457), or that it could not be reached. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors: FieldError[];
  readonly requestId: string;

  constructor(problem: Partial<Problem> & { title: string }) {
    super(problem.detail || problem.title);
    this.status = problem.status ?? 0;
    this.code = problem.code ?? 'unknown';
    this.detail = problem.detail ?? '';
    this.errors = problem.errors ?? [];
    this.requestId = problem.request_id ?? '';
  }
}

export const UNREACHABLE = 'unreachable';

function unreachable(): ApiError {
  return new ApiError({
    title: 'The server did not answer.',
    detail: 'The server did not answer. Check your connection and try again.',
    code: UNREACHABLE,
  });
}

/** What went wrong, whatever was thrown. */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof TypeError) return unreachable();
  return new ApiError({ title: thrown instanceof Error ? thrown.message : 'Something went wrong.' });
}

function fromBody(body: unknown, status: number): ApiError {
  if (typeof body === 'object' && body !== null && 'title' in body && typeof body.title === 'string') {
    return new ApiError({ ...(body as Problem), status });
  }
  return new ApiError({ title: `The server answered ${status} without saying why.`, status });
}

/** What a response that is no success says. */
export async function problemOf(response: Response): Promise<ApiError> {
  return fromBody(await response.json().catch(() => null), response.status);
}

/** The body of a success, or throws what the server said. */
export async function unwrap<T>(
  call: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await call.catch((thrown: unknown) => {
    throw toApiError(thrown);
  });
  if (!response.ok) throw fromBody(error, response.status);
  return data as T;
}

/** Messages of a 422 by field name, for a form; fields the form does not have are joined under `form`. */
export function fieldErrors(error: ApiError, known: readonly string[]): Record<string, string> {
  const messages: Record<string, string> = {};
  for (const { field, message } of error.errors) {
    const name =
      known.find((candidate) => field === candidate || field.startsWith(`${candidate}.`)) ?? 'form';
    const text = name === 'form' ? `${field}: ${message}` : message;
    messages[name] = messages[name] ? `${messages[name]}; ${text}` : text;
  }
  return messages;
}
