import { Button } from '@mantine/core';
import type { ComponentPropsWithRef, ReactNode } from 'react';
import styles from './DataTable.module.css';

interface DataTableProps extends ComponentPropsWithRef<'table'> {
  /** Read aloud; not drawn, since a panel's title is. */
  label: string;
  dense?: boolean;
  scrollRef?: React.Ref<HTMLElement>;
  maxHeight?: string | undefined;
  children: ReactNode;
}

/** A real table in the house style; mark number columns with `data-numeric`. */
export function DataTable({ label, dense = false, scrollRef, maxHeight, children, ...rest }: DataTableProps) {
  return (
    <section
      ref={scrollRef}
      className={styles.scroll}
      style={maxHeight ? { maxHeight, overflowY: 'auto' } : undefined}
      // A scrolling region must be reachable by keyboard.
      // biome-ignore lint/a11y/noNoninteractiveTabindex: WCAG 2.1.1, scrollable-region-focusable
      tabIndex={0}
      aria-label={label}
    >
      <table {...rest} className={styles.table} data-dense={dense || undefined} aria-label={label}>
        {children}
      </table>
    </section>
  );
}

interface Pages {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => unknown;
}

/** The foot of a list, while it goes on. */
export function More({ pages }: { pages: Pages }) {
  if (!pages.hasNextPage) return null;
  return (
    <div className={styles.more}>
      <Button
        variant="default"
        size="compact-md"
        loading={pages.isFetchingNextPage}
        onClick={() => pages.fetchNextPage()}
      >
        Show more
      </Button>
    </div>
  );
}
