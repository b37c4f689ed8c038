import { AccountsPanel } from './account/AccountsPanel';
import styles from './Setup.module.css';
import { StrategiesPanel } from './strategy/StrategiesPanel';

export function SetupPage() {
  return (
    <div className={styles.page}>
      <h1 className={styles.hidden}>Setup</h1>
      <AccountsPanel />
      <StrategiesPanel />
    </div>
  );
}
