import type { HistoryItems, HistoryKind } from '@/api/history';
import type { Account, Strategy } from '@/api/types';
import type { Column } from '@/shared/csv';

/** Names for ids. */
export interface Names {
  account: (id: string) => string;
  strategy: (id: string | null) => string | null;
}

export const namesOf = (accounts: readonly Account[], strategies: readonly Strategy[]): Names => ({
  account: (id) => accounts.find((account) => account.id === id)?.label ?? id,
  strategy: (id) => id && (strategies.find((strategy) => strategy.id === id)?.name ?? id),
});

type Columns = { [Kind in HistoryKind]: (names: Names) => Column<HistoryItems[Kind]>[] };

/** The columns of an exported file: exact numbers, times in UTC. */
export const COLUMNS: Columns = {
  trades: (names) => [
    ['closed_at', (trade) => trade.closed_at],
    ['opened_at', (trade) => trade.opened_at],
    ['account', (trade) => names.account(trade.account_id)],
    ['strategy', (trade) => names.strategy(trade.strategy_id)],
    ['symbol', (trade) => trade.symbol],
    ['side', (trade) => trade.side],
    ['qty', (trade) => trade.qty],
    ['entry_price', (trade) => trade.entry_price],
    ['exit_price', (trade) => trade.exit_price],
    ['gross_pnl_usdt', (trade) => trade.gross_pnl],
    ['fees_usdt', (trade) => trade.fees],
    ['funding_usdt', (trade) => trade.funding],
    ['net_pnl_usdt', (trade) => trade.net_pnl],
    ['exit_reason', (trade) => trade.exit_reason],
    ['id', (trade) => trade.id],
  ],
  orders: (names) => [
    ['created_at', (order) => order.created_at],
    ['sent_at', (order) => order.sent_at],
    ['updated_at', (order) => order.updated_at],
    ['account', (order) => names.account(order.account_id)],
    ['symbol', (order) => order.symbol],
    ['side', (order) => order.side],
    ['purpose', (order) => order.purpose],
    ['qty', (order) => order.qty],
    ['filled_qty', (order) => order.filled_qty],
    ['avg_price', (order) => order.avg_price],
    ['limit_price', (order) => order.limit_price],
    ['expires_at', (order) => order.expires_at],
    ['reduce_only', (order) => String(order.reduce_only)],
    ['stop_loss', (order) => order.stop_loss],
    ['status', (order) => order.status],
    ['reason', (order) => order.reason],
    ['order_link_id', (order) => order.id],
    ['exchange_order_id', (order) => order.exchange_order_id],
    ['position_id', (order) => order.position_id],
    ['signal_id', (order) => order.signal_id],
  ],
  executions: (names) => [
    ['executed_at', (fill) => fill.executed_at],
    ['account', (fill) => names.account(fill.account_id)],
    ['symbol', (fill) => fill.symbol],
    ['side', (fill) => fill.side],
    ['exec_type', (fill) => fill.exec_type],
    ['price', (fill) => fill.price],
    ['qty', (fill) => fill.qty],
    ['fee_usdt', (fill) => fill.fee],
    ['realised_pnl_usdt', (fill) => fill.realised_pnl],
    ['exec_id', (fill) => fill.id],
    ['order_link_id', (fill) => fill.order_id],
    ['position_id', (fill) => fill.position_id],
  ],
};
