// The parts of Apache ECharts that the report draws with. README.md says how they become echarts.report.min.js.
export { init, version } from "echarts/core";
import { use } from "echarts/core";
import { BarChart, CandlestickChart, LineChart } from "echarts/charts";
import { DataZoomComponent, GridComponent, MarkPointComponent, TooltipComponent } from "echarts/components";
import { SVGRenderer } from "echarts/renderers";

use([
  BarChart,
  CandlestickChart,
  DataZoomComponent,
  GridComponent,
  LineChart,
  MarkPointComponent,
  SVGRenderer,
  TooltipComponent,
]);
