import { queryOptions } from '@tanstack/react-query';
import { api } from './client';
import { type ApiError, problemOf, toApiError, unwrap } from './problem';
import type { AlertToTry, Explanation, HookPolicy, Preflight } from './types';

const of = (strategy_id: string) => ({ params: { path: { strategy_id } } });

export const hookKey = (strategyId: string) => ['hook', strategyId] as const;

/** What a strategy's webhook may ask for, and who may send to it. */
export const hookQuery = (strategyId: string) =>
  queryOptions({
    queryKey: hookKey(strategyId),
    queryFn: () => unwrap(api.GET('/api/strategies/{strategy_id}/hook', of(strategyId))),
  });

/** Replaces the whole policy. */
export const setHookPolicy = (strategyId: string, body: HookPolicy) =>
  unwrap(api.PUT('/api/strategies/{strategy_id}/hook', { ...of(strategyId), body }));

/** A new secret; the one before is taken for `overlapS` seconds more. */
export const rotateSecret = (strategyId: string, overlapS: number) =>
  unwrap(
    api.POST('/api/strategies/{strategy_id}/secret', { ...of(strategyId), body: { overlap_s: overlapS } }),
  );

export const makeSigningKey = (strategyId: string) =>
  unwrap(api.POST('/api/strategies/{strategy_id}/hook/signing-key', of(strategyId)));

/** What the webhook would take a message for. Nothing is stored or sent. */
export const explain = (strategyId: string, message: string) =>
  unwrap(api.POST('/api/strategies/{strategy_id}/import', { ...of(strategyId), body: { message } }));

/** What an alert would do now, told by the engine that would do it. Nothing is sent. */
export const preflight = (strategyId: string, alert: AlertToTry) =>
  unwrap(api.POST('/api/strategies/{strategy_id}/preflight', { ...of(strategyId), body: alert }));

/** Gives the alert of a signal again, now, to a strategy that trades no real money. */
export const replay = (signalId: string, strategyId: string) =>
  unwrap(
    api.POST('/api/signals/{signal_id}/replay', {
      params: { path: { signal_id: signalId } },
      body: { strategy_id: strategyId },
    }),
  );

export interface Tried {
  explanation: Explanation;
  /** Null when the message is refused before the engine is asked, or the engine did not say. */
  preflight: Preflight | null;
  failure: ApiError | null;
}

/** What a whole message would do if it came now, whatever time it carries. */
export async function tryMessage(strategyId: string, message: string): Promise<Tried> {
  const explanation = await explain(strategyId, message);
  if (!explanation.alert) return { explanation, preflight: null, failure: null };
  return preflight(strategyId, fresh(explanation.alert)).then(
    (told) => ({ explanation, preflight: told, failure: null }),
    (thrown: unknown) => ({ explanation, preflight: null, failure: toApiError(thrown) }),
  );
}

/** An alert as the server writes it, without the time that would make it too old. */
export function fresh(alert: Record<string, unknown>): AlertToTry {
  const { time: _, ...rest } = alert;
  return rest as unknown as AlertToTry;
}

/**
 * Sends a message to a webhook as its sender would, without the session: it is stored and acted on.
 * The id of the signal; throws what the webhook refuses it for.
 */
export async function sendAlert(webhookUrl: string, message: string): Promise<string> {
  const response = await globalThis
    .fetch(`${window.location.origin}${new URL(webhookUrl).pathname}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      credentials: 'omit',
      body: message,
    })
    .catch((thrown: unknown) => {
      throw toApiError(thrown);
    });
  if (!response.ok) throw await problemOf(response);
  const { signal_id } = (await response.json()) as { signal_id: string };
  return signal_id;
}
