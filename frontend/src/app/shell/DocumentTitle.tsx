import { useEffect } from 'react';
import { useLive } from '@/live/hooks';
import { linkStatus } from '@/live/status';
import { signed } from '@/shared/format';

/** "+128.44 · 3 open — Backstop" in the tab; a warning sign while there is no live data. */
export function DocumentTitle() {
  const title = useLive((state) => {
    const status = linkStatus(state);
    const alarm = status === 'live' || status === 'connecting' ? '' : '⚠ ';
    if (!state.loaded) return `${alarm}Backstop`;
    const { pnl, open } = state.total;
    return `${alarm}${open > 0 ? `${signed(pnl)} · ` : ''}${open} open — Backstop`;
  });
  useEffect(() => {
    document.title = title;
    return () => {
      document.title = 'Backstop';
    };
  }, [title]);
  return null;
}
