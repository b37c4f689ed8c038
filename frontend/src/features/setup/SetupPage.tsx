import { AccountsPanel } from './AccountsPanel';
import styles from './Setup.module.css';
import { StrategiesPanel } from './StrategiesPanel';

export function SetupPage() {
  return (
    <div className={styles.page}>
      <h1 className={styles.hidden}>Setup</h1>
      <AccountsPanel />
      <StrategiesPanel />
    </div>
  );
}
