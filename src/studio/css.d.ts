/** Style sheets that Vite adds to the page with the code that imports them. */
declare module "*.css";
declare module "*?worker&url" {
  const url: string;
  export default url;
}
