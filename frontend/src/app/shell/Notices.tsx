import { ActionIcon, Popover, UnstyledButton } from '@mantine/core';
import { useState } from 'react';
import { useStore } from 'zustand';
import type { Notice } from '@/api/types';
import { useServerNow } from '@/live/hooks';
import { clearNotices, notices, readNotices } from '@/live/notices';
import { BellIcon } from '@/shared/ui/icons';
import { Tag, type Tone } from '@/shared/ui/Tag';
import { Ago } from '@/shared/ui/Time';
import styles from './Notices.module.css';

const LEVELS: Record<Notice['level'], { tone: Tone; words: string }> = {
  info: { tone: 'info', words: 'Info' },
  warning: { tone: 'warn', words: 'Warning' },
  error: { tone: 'danger', words: 'Error' },
};

function List() {
  const list = useStore(notices, (state) => state.list);
  const now = useServerNow();
  if (list.length === 0) {
    return <p className={styles.none}>Nothing since this page was opened. Warnings and errors stay here.</p>;
  }
  return (
    <ul className={styles.list}>
      {list.map(({ id, at, level, message }) => (
        <li key={id} className={styles.notice} data-testid="notice">
          <span className={styles.top}>
            <Tag tone={LEVELS[level].tone}>{LEVELS[level].words}</Tag>
            <span className={styles.when}>
              <Ago at={new Date(at).toISOString()} now={now} />
            </span>
          </span>
          <span className={styles.text}>{message}</span>
        </li>
      ))}
    </ul>
  );
}

/** What the server had to say, behind a bell. */
export function Notices() {
  const unread = useStore(notices, (state) => state.unread);
  const some = useStore(notices, (state) => state.list.length > 0);
  const [opened, setOpened] = useState(false);
  function show(open: boolean) {
    readNotices();
    setOpened(open);
  }
  return (
    <Popover
      opened={opened}
      onChange={show}
      position="bottom-end"
      width={340}
      shadow="md"
      trapFocus
      returnFocus
      withRoles
    >
      <Popover.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          size={36}
          aria-label={unread > 0 ? `Notices, ${unread} new` : 'Notices'}
          data-testid="notices"
          className={styles.bell}
          onClick={() => show(!opened)}
        >
          <BellIcon size={18} />
          {unread > 0 && <span className={`num ${styles.count}`}>{unread > 9 ? '9+' : unread}</span>}
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown p={0} aria-label="Notices">
        <div className={styles.head} data-autofocus tabIndex={-1}>
          <span>Notices</span>
          {some && (
            <UnstyledButton className={styles.clear} onClick={clearNotices}>
              Clear
            </UnstyledButton>
          )}
        </div>
        <List />
      </Popover.Dropdown>
    </Popover>
  );
}
