import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { HttpResponse, http } from 'msw';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { draw } from '@/test/render';
import { account, execution, order, trade } from '@/test/samples';
import { answers, pageOf, refuses, server } from '@/test/server';
import { History } from './HistoryPage';
import { readSearch, toFilter } from './search';

/** Two pages of trades; tells the queries asked. */
function twoPages(path = '*/api/trades') {
  const asked: URLSearchParams[] = [];
  server.use(
    http.get(path, ({ request }) => {
      const query = new URL(request.url).searchParams;
      asked.push(query);
      return query.get('cursor')
        ? HttpResponse.json(pageOf(trade({ id: 't2', symbol: 'ETHUSDT' })))
        : HttpResponse.json({ items: [trade()], next_cursor: 'next' });
    }),
  );
  return asked;
}

beforeEach(() => {
  answers('get', '/api/accounts', pageOf(account()));
  answers('get', '/api/strategies', pageOf());
});

describe('the address', () => {
  it('keeps what makes sense', () => {
    expect(
      readSearch({
        view: 'orders',
        symbol: 'btcusdt',
        exit: 'nonsense',
        from: '2026-11-01',
        to: 'x',
        junk: 1,
      }),
    ).toEqual({ view: 'orders', symbol: 'BTCUSDT', from: '2026-11-01' });
  });

  it('counts both days in, in the time zone of the user', () => {
    const filter = toFilter({ from: '2026-11-01', to: '2026-11-30', exit: 'stop_loss' });
    expect(filter).toEqual({
      exit_reason: 'stop_loss',
      since: new Date(2026, 10, 1).toISOString(),
      until: new Date(2026, 11, 1).toISOString(),
    });
  });
});

describe('a history', () => {
  it('goes on page by page', async () => {
    const asked = twoPages();
    draw(<History search={{}} onSearch={vi.fn()} />);
    await screen.findByText('BTCUSDT');
    await userEvent.click(screen.getByText('Show more'));
    expect(await screen.findByText('ETHUSDT')).toBeVisible();
    expect(asked.map((query) => query.get('cursor'))).toEqual([null, 'next']);
  });

  it('is narrowed by the server', async () => {
    const asked = twoPages();
    const onSearch = vi.fn();
    draw(<History search={{ symbol: 'BTCUSDT', exit: 'manual' }} onSearch={onSearch} />);
    await screen.findByTestId('trade-row');
    expect(Object.fromEntries(asked[0] ?? [])).toEqual({
      symbol: 'BTCUSDT',
      exit_reason: 'manual',
      limit: '50',
    });
    const symbol = screen.getByTestId('filter-symbol');
    await userEvent.clear(symbol);
    await userEvent.type(symbol, 'ethusdt');
    await waitFor(() => expect(onSearch).toHaveBeenCalledWith({ symbol: 'ETHUSDT', exit: 'manual' }));
    await userEvent.selectOptions(screen.getByTestId('filter-exit'), '');
    expect(onSearch).toHaveBeenLastCalledWith({ symbol: 'BTCUSDT' });
  });

  it('exports all pages as the server writes them, with one heading', async () => {
    twoPages();
    const asked: URLSearchParams[] = [];
    server.use(
      http.get('*/api/exports/trades', ({ request }) => {
        const query = new URL(request.url).searchParams;
        asked.push(query);
        return query.get('cursor')
          ? HttpResponse.text('id,symbol\r\nt2,ETHUSDT\r\n')
          : HttpResponse.text('id,symbol\r\nt1,BTCUSDT\r\n', { headers: { 'X-Next-Cursor': 'next' } });
      }),
    );
    const saved: Blob[] = [];
    vi.spyOn(URL, 'createObjectURL').mockImplementation((blob) => {
      saved.push(blob as Blob);
      return 'blob:saved';
    });
    vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined);
    draw(<History search={{ exit: 'manual' }} onSearch={vi.fn()} />);
    await userEvent.click(await screen.findByTestId('export-csv'));
    await waitFor(() => expect(saved).toHaveLength(1));
    expect(await (saved[0] as Blob).text()).toBe('id,symbol\r\nt1,BTCUSDT\r\nt2,ETHUSDT\r\n');
    expect(asked.map((query) => Object.fromEntries(query))).toEqual([
      { exit_reason: 'manual' },
      { exit_reason: 'manual', cursor: 'next' },
    ]);
    vi.restoreAllMocks();
  });

  it('shows an order whose fate is not known as that', async () => {
    answers('get', '/api/orders', pageOf(order({ status: 'unknown', filled_qty: '0.01' })));
    draw(<History search={{ view: 'orders' }} onSearch={vi.fn()} />);
    const row = await screen.findByTestId('order-row');
    expect(row).toHaveTextContent('Unknown, checking');
    expect(row).toHaveTextContent('0.01 of 0.02');
  });

  it('shows what a waiting limit order asks for', async () => {
    const waiting = order({ status: 'open', filled_qty: '0', avg_price: null, limit_price: '64000' });
    answers('get', '/api/orders', pageOf(waiting));
    draw(<History search={{ view: 'orders' }} onSearch={vi.fn()} />);
    expect(await screen.findByTestId('order-row')).toHaveTextContent('limit 64,000');
  });

  it('shows fills with the fee as a cost', async () => {
    answers('get', '/api/executions', pageOf(execution()));
    draw(<History search={{ view: 'executions' }} onSearch={vi.fn()} />);
    const row = await screen.findByTestId('execution-row');
    expect(row).toHaveTextContent('−0.3630');
    expect(row).toHaveTextContent('+10.00');
  });

  it('says that nothing matches, and why it could not be read', async () => {
    answers('get', '/api/trades', pageOf());
    const { unmount } = draw(<History search={{ symbol: 'XRPUSDT' }} onSearch={vi.fn()} />);
    expect(await screen.findByText('Nothing matches')).toBeVisible();
    unmount();
    refuses('get', '/api/orders', { status: 422, title: 'Not valid', detail: 'symbol: no such thing' });
    draw(<History search={{ view: 'orders', symbol: '??' }} onSearch={vi.fn()} />);
    expect(await screen.findByText('symbol: no such thing')).toBeVisible();
  });
});
